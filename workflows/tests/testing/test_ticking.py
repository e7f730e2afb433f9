"""Schedules in virtual time."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from unittest import mock

import pytest

from workflows.api import (
    Context,
    DefinitionError,
    RunState,
    get_schedule,
    list_runs,
    pause_schedule,
    schedule,
    workflow,
)
from workflows.definitions import schedule as registry
from workflows.testing import advance, begin_schedules, forget_time
from workflows.testing.clock import clock
from workflows.tests.flows import greet_once
from workflows.tests.registering import own_workflows
from workflows.tests.schedules import HOUR, made, runs

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_schedules() -> Iterator[None]:
    with own_workflows(), mock.patch.dict(registry._declared, clear=True):
        yield


def test_each_tick_on_the_way_has_its_run_at_its_time() -> None:
    begun = clock.now()
    made(workflow=greet_once, input={"name": "Ann"}, every_seconds=HOUR)

    advance(timedelta(hours=5, minutes=30))

    found = runs()
    assert len(found) in (5, 6)
    assert {run.state for run in found} == {RunState.COMPLETED}
    late = [(run.created_at.minute, run.created_at.second) for run in found]
    assert all(minute == 0 and second < 30 for minute, second in late)
    assert all(begun < run.created_at < clock.now() for run in found)


def test_what_the_code_declares_begins_when_the_test_says_so() -> None:
    @schedule(every_seconds=HOUR)
    @workflow("tests.ticking")
    def ticking(run: Context, scheduled_for: datetime) -> str:
        return scheduled_for.isoformat()

    advance(2 * HOUR)
    before = runs()
    begin_schedules(ticking)
    advance(2.5 * HOUR)

    assert before == []
    assert len(runs()) in (2, 3)
    assert get_schedule("tests.ticking").in_code


def test_a_workflow_without_a_schedule_is_refused() -> None:
    with pytest.raises(DefinitionError, match="has no schedule"):
        begin_schedules(greet_once)


def test_a_tick_that_waits_starts_when_the_run_before_it_ends() -> None:
    made(input={"timeout_seconds": 2.2 * HOUR}, overlap="queue one")

    advance(10.5 * HOUR)

    first, second, *_ = list_runs()[::-1]
    assert first.finished_at is not None
    assert first.finished_at <= second.created_at < first.finished_at + timedelta(seconds=30)
    assert len(runs()) in (4, 5, 6)


def test_a_schedule_that_rests_starts_nothing() -> None:
    made(workflow=greet_once, input={"name": "Ann"})
    pause_schedule("report", reason="a test", by="ann")

    advance(5 * HOUR)

    assert runs() == []


def test_time_passes_for_a_test_that_has_schedules_alone() -> None:
    made(every_seconds=7 * 24 * HOUR)
    before = clock.now()

    advance(HOUR)

    assert clock.now() - before >= timedelta(hours=1)
    forget_time()
    assert clock.now() - before < timedelta(minutes=30)
