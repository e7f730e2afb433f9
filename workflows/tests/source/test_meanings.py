"""What values are called, found without running anything of theirs."""

import datetime as dt
import functools
import os
import random
import socket
import time
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.cache import cache, caches
from django.db import connection, connections
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from workflows.source.meanings import is_a, meaning_of, object_of

KNOWN = [
    (dt.datetime.now, "datetime.datetime.now"),
    (time.time, "time.time"),
    (functools.partial(time.sleep, 1), "time.sleep"),
    (timezone.now, "django.utils.timezone.now"),
    (random.choice, "random.choice"),
    (os.listdir, "os.listdir"),
    (os.environ, "os.environ"),
    (os.environ.get, "os.environ.get"),
    (socket.gethostname, "socket.gethostname"),
    (settings, "django.conf.settings"),
    (cache, "django.core.cache.cache"),
    (caches, "django.core.cache.caches"),
    (connection, "django.db.connection"),
    (connections, "django.db.connections"),
    (Group.objects, "django.db.models.manager.Manager()"),
    (Group.objects.all(), "django.db.models.query.QuerySet()"),
]


class Later(dt.datetime):
    """Inherits its clock."""


class Desk:
    later = Later

    @property
    def hour(self) -> int:
        raise AssertionError("it was read")

    @staticmethod
    def opened() -> int:
        return 8


@pytest.mark.parametrize(("value", "name"), KNOWN)
def test_what_others_import_is_known_by_its_own_name(value: Any, name: str) -> None:
    assert name in meaning_of(value).names


def test_a_member_is_known_by_the_class_that_has_it() -> None:
    found = meaning_of(Desk).member("later").member("now")

    assert "datetime.datetime.now" in found.names


def test_every_manager_of_a_model_is_one() -> None:
    assert meaning_of(User).member("objects").names == ("django.db.models.manager.Manager()",)


def test_a_property_is_not_read_but_told() -> None:
    found = object_of(Desk).member("hour")

    assert found.is_property
    assert found.value is Desk.__dict__["hour"].fget


def test_a_static_method_is_its_function() -> None:
    assert object_of(Desk).member("opened").value is Desk.opened


def test_a_lazy_object_stays_lazy() -> None:
    def refuse() -> int:
        raise AssertionError("it was made")

    lazy = SimpleLazyObject(refuse)

    assert not is_a(lazy, int)
    assert meaning_of(lazy).member("real").kind is None
