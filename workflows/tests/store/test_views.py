"""Runs as the outside reads them: the newest first, by what they are, the open ones in full."""

from uuid import uuid4

import pytest

from workflows.api import RunNotFound, RunState, cancel, start
from workflows.store.views import get_history, get_run, iterate_open_runs, list_runs
from workflows.tests.builders import driven
from workflows.tests.engine.families import parent_that_waits
from workflows.tests.flows import greet_once, sleep_a_while, wait_for_go

pytestmark = pytest.mark.django_db


def test_the_newest_runs_come_first_up_to_the_limit() -> None:
    started = [start(greet_once, name=name) for name in ("Ann", "Bob", "Cleo")]

    found = list_runs(limit=2)

    assert [run.id for run in found] == [started[2].id, started[1].id]


def test_runs_are_found_by_each_of_their_traits_and_by_all_together() -> None:
    parent = driven(parent_that_waits)
    [child] = list_runs(parent=parent.id)
    start(wait_for_go)

    assert [run.id for run in list_runs(workflow="tests.waiting_child")] == [child.id]
    assert {run.id for run in list_runs(states=[RunState.WAITING])} == {parent.id, child.id}
    assert list_runs(parent=parent.id, states=[RunState.COMPLETED]) == []


def test_a_run_shows_its_whole_input_and_what_of_it_were_defaults() -> None:
    view = get_run(start(wait_for_go).id)

    assert view.input == view.defaults == {"timeout_seconds": None}


def test_a_run_that_has_done_nothing_has_an_empty_history_and_no_run_has_none() -> None:
    assert get_history(start(wait_for_go).id) == []
    with pytest.raises(RunNotFound, match="no run"):
        get_history(uuid4())


def test_open_runs_are_all_that_have_not_ended_oldest_first() -> None:
    pending, waiting, over = (
        start(wait_for_go),
        start(sleep_a_while, seconds=60),
        start(wait_for_go),
    )
    cancel(over.id)

    assert list(iterate_open_runs()) == [pending.id, waiting.id]
