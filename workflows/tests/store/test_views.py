"""Runs as the outside reads them: the newest first, by what they are, the open ones in full."""

from uuid import uuid4

import pytest

from workflows.api import RunNotFound, cancel, start
from workflows.store.views import get_history, get_run, iterate_open_runs
from workflows.tests.flows import sleep_a_while, wait_for_go

pytestmark = pytest.mark.django_db


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
