"""What a cancel announces: of every run that it has ended, and only once that stands."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection

from workflows import signals
from workflows.api import Context, RunState, cancel, get_run, list_runs, start, workflow
from workflows.testing import drive_until_idle
from workflows.tests.builders import PATIENCE_SECONDS, elsewhere, started_and_claimed
from workflows.tests.flows import wait_for_go

pytestmark = pytest.mark.usefixtures("committed")


@workflow("tests.cancelled_parent")
def parent(run: Context) -> None:
    run.start_child(wait_for_go)
    run.start_child(wait_for_go)
    run.wait_event("go")


@contextmanager
def told(receiver: Callable[..., Any]) -> Iterator[None]:
    """Let this receiver hear of the ends of runs."""
    signals.run_finished.connect(receiver)
    try:
        yield
    finally:
        signals.run_finished.disconnect(receiver)


def test_a_family_that_was_cancelled_is_announced_once_others_can_see_it() -> None:
    run = start(parent)
    drive_until_idle()
    seen = []

    def look(*, run_id: Any, **_: Any) -> None:
        state = elsewhere(lambda: get_run(run_id).state).result(PATIENCE_SECONDS)
        seen.append((run_id, state))

    with told(look):
        cancel(run.id)

    family = {run.id, *(each.id for each in list_runs(parent=run.id))}
    assert len(seen) == len(family) == 3
    assert set(seen) == {(each, RunState.CANCELLED) for each in family}


def test_a_receiver_whose_statement_the_database_refuses_changes_nothing_of_a_cancel() -> None:
    run = start(parent)
    drive_until_idle()

    def break_it(**_: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 / 0")

    with told(break_it):
        assert cancel(run.id)

    assert get_run(run.id).state == RunState.CANCELLED


def test_a_run_that_is_only_asked_to_stop_is_not_announced_as_ended() -> None:
    run, ends = started_and_claimed(wait_for_go), []

    def note(*, run_id: Any, **_: Any) -> None:
        ends.append(run_id)

    with told(note):
        assert cancel(run.id)

    assert ends == []
