"""What is at work: counts with a bound, workers, what is due and what is driven."""

from datetime import timedelta
from unittest import mock

import pytest
from django.utils import timezone

from workflows.api import RunState, start
from workflows.models import Run, Worker
from workflows.store import at_work
from workflows.tests.builders import started_and_claimed
from workflows.tests.flows import greet_once

pytestmark = pytest.mark.django_db


def test_what_is_due_is_counted_and_told_the_longest_due_first() -> None:
    young, old = start(greet_once, name="Ann"), start(greet_once, name="Ben")
    Run.objects.filter(pk=old.id).update(wake_at=timezone.now() - timedelta(hours=1))

    due = at_work.count_due()

    assert (due.runs, due.at_least) == (2, False)
    assert due.oldest_seconds is not None and due.oldest_seconds > 3_599
    assert [each.id for each in at_work.list_due(10)] == [old.id, young.id]


def test_nothing_due_has_no_age() -> None:
    assert at_work.count_due() == (0, False, None)


def test_a_count_stops_at_its_bound() -> None:
    for name in ("Ann", "Ben"):
        start(greet_once, name=name)

    with mock.patch.object(at_work, "MOST_COUNTED", 1):
        due = at_work.count_due()

    assert (due.runs, due.at_least) == (1, True)


def test_driven_runs_are_told_with_their_worker() -> None:
    Worker.objects.all().delete()  # tests that commit leave theirs behind
    worker = Worker.objects.create(host="here", pid=7)
    run = started_and_claimed(greet_once, name="Ann")
    Run.objects.filter(pk=run.id).update(worker_id=worker.pk)

    [found] = at_work.list_driven(10)
    [seen] = at_work.list_workers()

    assert (found.id, found.host, found.pid) == (run.id, "here", 7)
    assert found.lease_seconds > 0
    assert (seen.lives, seen.driving) == (False, 1)


def test_failures_are_told_by_workflow_and_error() -> None:
    for name in ("Ann", "Ben"):
        run = start(greet_once, name=name)
        failed = {"type": "ValueError", "message": name, "kind": "permanent"}
        Run.objects.filter(pk=run.id).update(state=RunState.RUNNING)
        Run.objects.filter(pk=run.id).update(
            state=RunState.FAILED, error=failed, finished_at=timezone.now()
        )

    [told] = at_work.recent_failures(60)

    assert told[:4] == ("tests.greet", "permanent", "ValueError", 2)
    assert at_work.recent_failures(1e-6) == []
