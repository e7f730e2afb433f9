"""Keys by which nobody starts anything any more are forgotten, others are not."""

from datetime import timedelta

import pytest
from django.db.models import F
from django.db.models.functions import Now

from workflows.api import Debounce, Throttle, start
from workflows.models import Run, StartWindow
from workflows.store import start_windows
from workflows.testing import advance, drive_until_idle
from workflows.tests.flows import greet_once

LONG_AGO = timedelta(seconds=2 * start_windows.IDLE_SECONDS)
pytestmark = pytest.mark.django_db


def test_a_key_is_forgotten_once_its_run_has_begun_and_its_time_is_over() -> None:
    start.using(debounce=Debounce("begun", 5))(greet_once, "ann")
    advance(6)
    drive_until_idle()
    start.using(debounce=Debounce("waits", 5))(greet_once, "ann")
    start.using(throttle=Throttle("recent", 5))(greet_once, "ann")
    StartWindow.objects.exclude(key="recent").update(kept_until=Now() - LONG_AGO)
    Run.objects.filter(attempt=0).update(wake_at=F("created_at"))

    start_windows.forget_idle()

    assert set(StartWindow.objects.values_list("key", flat=True)) == {"waits", "recent"}
