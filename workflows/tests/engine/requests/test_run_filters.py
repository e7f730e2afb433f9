"""A filter of runs: keywords or a dictionary, each word checked."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from workflows.api import (
    Context,
    InvalidInput,
    RetryPolicy,
    RunFilter,
    RunNotFound,
    RunView,
    UnknownWorkflow,
    list_runs,
    start,
    step,
    workflow,
)
from workflows.core.running_steps import HeldRun, StepSeen
from workflows.engine.requests.run_filters import read_filter
from workflows.store.workers import renew_leases
from workflows.testing import advance, drive_until_idle
from workflows.tests.builders import driven, started_and_claimed
from workflows.tests.engine.forms import doubled
from workflows.tests.flows import greet_once, wait_for_go

pytestmark = pytest.mark.django_db


@step(retry=RetryPolicy(attempts=2, first_delay_seconds=60, jitter=0))
def paint(colour: str) -> None:
    raise KeyError(colour)


@workflow("filters.painting")
def painting(run: Context, colour: str, mend: bool = False) -> None:
    try:
        run.step(paint, colour)
    except Exception:
        if not mend:
            raise
        run.sleep(3600)


def ids(runs: list[RunView]) -> list[Any]:
    return [run.id for run in runs]


def test_each_word_finds_its_run() -> None:
    run = start(doubled, 7, key="k", owner="ann", tags=["a", "b"], subject="s", attributes={"n": 7})
    start(doubled, 8, owner="bob", tags=["a"], attributes={"n": 8}, subject="t")
    start(greet_once, name="Ann", key="other")
    later = run.created_at + timedelta(hours=1)

    words: list[RunFilter] = [
        {"id": run}, {"id": [str(run.id)]}, {"key": "k"}, {"owner": "ann"}, {"tags": "b"},
        {"tags": ["b", "a"]}, {"subject": "s"}, {"attributes": {"n": 7}},
        {"created_before": run.created_at + timedelta(microseconds=1)},
        {"workflow": doubled, "version": 1, "owner": "ann", "state": "pending"},
    ]  # fmt: skip
    for filter in words:
        assert ids(list_runs(**filter)) == [run.id], filter
    assert list_runs(created_since=later) == list_runs(ended_since=run.created_at) == []
    assert len(list_runs(owner=None, tags="a")) == 2
    assert ids(list_runs(owner="")) == ids(list_runs(workflow=greet_once))


def test_a_run_is_found_by_its_end() -> None:
    run = driven(greet_once, name="Ann")
    start(wait_for_go)
    assert run.finished_at is not None

    after = run.finished_at + timedelta(seconds=1)

    assert ids(list_runs(ended_since=run.finished_at, ended_before=after)) == [run.id]


def test_runs_are_found_by_the_words_of_their_error_and_by_the_step_they_are_at() -> None:
    run = driven(painting, colour="blue")
    waiting = ids(list_runs(step="paint"))

    advance(seconds=61)
    other = driven(painting, colour="red")

    assert waiting == [run.id]
    assert ids(list_runs(error="BLUE")) == ids(list_runs(error="keyerror")) == [run.id]
    assert ids(list_runs(step="paint")) == [other.id, run.id]
    assert ids(list_runs(step="paint", state="failed")) == [run.id]
    assert list_runs(error="100%") == list_runs(step="pain") == []


def test_a_run_that_has_gone_on_is_no_longer_at_the_step() -> None:
    start(painting, "blue", mend=True)
    drive_until_idle()
    advance(seconds=61)

    assert list_runs(step="paint") == []


def test_a_run_is_at_the_step_that_its_host_has_seen() -> None:
    run = started_and_claimed(painting, colour="blue")
    seen = StepSeen(
        name="paint",
        position=1,
        attempt=1,
        undo=False,
        age_seconds=2,
        overran=None,
        host="h",
        pid=7,
    )
    renew_leases(connection.connection, [HeldRun(run.id, run.attempt, (seen,))], lease_seconds=60)

    assert ids(list_runs(step="paint")) == [run.id]


def test_pages_follow_one_another_by_their_last_run() -> None:
    started = [start(doubled, each) for each in range(5)]

    first = list_runs(limit=2)
    second = list_runs(limit=2, after=first[-1])
    third = list_runs(limit=2, after=str(second[-1].id))

    assert ids(first + second + third) == [run.id for run in reversed(started)]
    with pytest.raises(RunNotFound, match="give the RunView"):
        list_runs(after="00000000-0000-0000-0000-000000000000")


@pytest.mark.parametrize(
    ("filter", "why"),
    [
        ({"owners": "ann"}, "did you mean 'owner'"),
        ({"state": "done"}, "no state 'done'"),
        ({"error": 7}, "error is 7"),
        ({"version": "1"}, "version is '1'"),
        ({"attributes": ["a"]}, "attributes are"),
        ({"tags": [7]}, "tags are"),
        ({"created_since": datetime(2026, 1, 1)}, "aware"),  # noqa: DTZ001 - naive on purpose
    ],
)
def test_what_cannot_be_is_refused(filter: Any, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        list_runs(**filter)


def test_what_names_nothing_is_refused() -> None:
    with pytest.raises(RunNotFound):
        list_runs(id="no id")
    with pytest.raises(UnknownWorkflow):
        list_runs(workflow=print)
    assert list_runs(created_since=datetime.now(UTC)) == []


@pytest.mark.parametrize("limit", [-1, "7", 1.5, True])
def test_a_limit_of_a_list_is_a_whole_number(limit: Any) -> None:
    with pytest.raises(InvalidInput, match=r"limit is .*give a whole number from 0"):
        list_runs(limit=limit)
    assert list_runs(limit=0) == []


def test_no_tags_and_no_attributes_say_nothing() -> None:
    run = driven(wait_for_go)

    assert ids(list_runs(tags=[], attributes={})) == [run.id]
    assert read_filter({"tags": [], "attributes": {}, "state": []}) == {"state": []}
