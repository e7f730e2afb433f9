"""Runs that have not ended, by workflow and state; counting that stops says so."""

from datetime import timedelta
from unittest import mock

import pytest
from django.db import connection
from django.db.models.functions import Now

from workflows.api import pause, start
from workflows.models import Run
from workflows.store import run_counts
from workflows.store.run_counts import load_run_counts, load_unread
from workflows.testing import drive_until_idle
from workflows.tests.builders import started_and_claimed
from workflows.tests.flows import greet_once, wait_for_go

pytestmark = pytest.mark.django_db


def test_each_run_is_counted_once_in_its_state() -> None:
    start(wait_for_go)
    start(greet_once, name="ended")
    drive_until_idle()
    started_and_claimed(greet_once, name="held")
    pause(start(greet_once, name="paused").id)
    start(greet_once, name="due")
    guest = start(greet_once, name="guest")
    Run.objects.filter(pk=guest.id).update(
        step_pool="gpu", step_due_at=Now(), wake_at=Now() + timedelta(hours=1)
    )

    counted = load_run_counts()

    assert counted.runs == [
        ("tests.greet", "paused", 1),
        ("tests.greet", "pending", 2),
        ("tests.greet", "running", 1),
        ("tests.wait", "waiting", 1),
    ]
    assert not any(counted.stopped.values())


def test_counting_stops() -> None:
    start(greet_once, name="due")

    with mock.patch.object(run_counts, "MOST_COUNTED", 1):
        stopped = load_run_counts().stopped

    assert [what for what, is_stopped in stopped.items() if is_stopped] == ["due"]


def test_nobody_has_sent_anything() -> None:
    assert load_unread() == 0


def test_all_of_it_is_found_by_index() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {run_counts._COUNTS.text} UNION ALL SELECT '', '', '', 0")
        plan = "\n".join(line for [line] in cursor.fetchall())

    assert "Seq Scan on workflows_run" not in plan
