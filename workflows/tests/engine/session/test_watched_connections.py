"""While a workflow's own code runs, no connection of Django's takes a statement."""

from unittest import mock

import pytest
from django.contrib.auth.models import Group
from django.db import connection, connections, transaction

from workflows.core.errors import DefinitionError
from workflows.definitions.workflow_guard import guarding
from workflows.engine.session.watched_connections import WatchedConnections

pytestmark = pytest.mark.django_db


def test_statements_are_refused_only_while_the_guard_is_on() -> None:
    WatchedConnections()
    Group.objects.count()

    with (
        guarding(lambda why: why),
        pytest.raises(DefinitionError, match=r"uses the database \(SELECT COUNT"),
    ):
        Group.objects.count()

    assert Group.objects.count() == 0


def test_every_alias_is_watched_once_and_others_wrappers_stay_on_top() -> None:
    with connection.execute_wrapper(lambda execute, *args: execute(*args)):
        WatchedConnections()
        WatchedConnections()
    watched = [len(each.execute_wrappers) for each in connections.all()]

    assert watched == [1] * len(watched)
    with guarding(lambda why: why), pytest.raises(DefinitionError):
        Group.objects.count()


def test_a_transaction_opened_since_is_refused() -> None:
    before = WatchedConnections()
    before.refuse_transactions()

    with transaction.atomic(), pytest.raises(DefinitionError, match=r"atomic=True"):
        before.refuse_transactions()

    before.refuse_transactions()


def test_another_database_is_watched_as_well() -> None:
    other = connections["default"].copy("other")
    with mock.patch.object(connections, "all", lambda **_: [connection, other]):
        WatchedConnections()

    with guarding(lambda why: why), pytest.raises(DefinitionError), other.cursor() as cursor:
        cursor.execute("SELECT 1")
    other.close()
