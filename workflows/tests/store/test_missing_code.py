"""Runs whose code no living worker has: told with their number, and silent where nobody can know."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

import pytest
from django.db.models.functions import Now

from workflows.api import RunState, cancel, get_run, list_runs, start
from workflows.models import Run
from workflows.store.missing_code import list_missing_code
from workflows.store.queue import Code
from workflows.store.workers import enlist, living_workers
from workflows.tests.builders import claim, connected, until
from workflows.tests.flows import greet_once, wait_for_go

pytestmark = pytest.mark.usefixtures("committed")
OTHER_CODE = Code(["tests.other", "tests.greet"], [1, 2])
OUR_CODE = Code(["tests.greet", "tests.wait_for_go"], [1, 1])


@contextmanager
def worker_with(code: Code | None) -> Iterator[None]:
    """A worker that lives as long as the block."""
    with connected() as own:
        enlist(own, host="here", pid=1, code=code)
        yield


def overdue() -> UUID:
    """Return a run that has been due for a while."""
    run = start(greet_once, name="Alice")
    Run.objects.filter(pk=run.id).update(wake_at=Now() - timedelta(seconds=10))
    return run.id


def test_a_run_whose_code_no_living_worker_has_says_so() -> None:
    run_id = overdue()
    later = start(greet_once, name="Bob")

    with worker_with(OTHER_CODE):
        [missing] = list_missing_code()
        told = get_run(run_id).code_missing, get_run(later.id).code_missing
        found = [run.code_missing for run in list_runs()]

    assert (missing.workflow, missing.version, missing.runs) == ("tests.greet", 1, 1)
    assert missing.run_id == run_id
    assert told == (True, True)
    assert found == [True, True]


def test_a_worker_that_has_the_code_is_enough() -> None:
    run_id = overdue()

    with worker_with(OTHER_CODE), worker_with(OUR_CODE):
        assert list_missing_code() == []
        assert not get_run(run_id).code_missing


@pytest.mark.parametrize("also", [None, OTHER_CODE])
def test_a_worker_of_an_older_release_may_have_the_code(also: Code | None) -> None:
    run_id = overdue()

    with worker_with(also), worker_with(None):
        assert list_missing_code() == []
        assert not get_run(run_id).code_missing


def test_without_any_living_worker_nothing_is_said_of_code() -> None:
    run_id = overdue()
    with worker_with(OTHER_CODE):
        pass

    assert list_missing_code() == []
    assert not get_run(run_id).code_missing


def test_a_run_that_is_driven_or_over_lacks_nothing() -> None:
    over, driven = start(wait_for_go).id, overdue()
    cancel(over)
    claim()

    with worker_with(OTHER_CODE):
        assert get_run(driven).state == RunState.RUNNING
        assert [run.code_missing for run in list_runs()] == [False, False]
        assert list_missing_code() == []


def test_code_that_only_a_dead_worker_had_is_missing() -> None:
    overdue()
    with worker_with(OUR_CODE):
        pass
    until(lambda: living_workers() == 0)

    with worker_with(OTHER_CODE):
        assert [missing.workflow for missing in list_missing_code()] == ["tests.greet"]
