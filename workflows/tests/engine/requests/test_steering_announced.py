"""What verbs announce: of every run that they have moved, and only once that stands."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection

from workflows import signals
from workflows.api import (
    Context,
    RetryRefused,
    RunState,
    RunView,
    cancel,
    get_run,
    list_runs,
    pause,
    resume,
    retry,
    retry_now,
    start,
    workflow,
)
from workflows.signals import Announcement
from workflows.testing import advance, drive_until_idle
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


@contextmanager
def heard(*listened: Announcement) -> Iterator[list[tuple[Any, ...]]]:
    """Collect what these signals say: of which run, by whom, why, and in which state others see it."""
    said: list[tuple[Any, ...]] = []

    def hear(*, run_id: Any, workflow: str, by: str, reason: str, **_: Any) -> None:
        state = elsewhere(lambda: get_run(run_id).state).result(PATIENCE_SECONDS)
        said.append((run_id, workflow, by, reason, state))

    for each in listened:
        each.connect(hear)
    try:
        yield said
    finally:
        for each in listened:
            each.disconnect(hear)


def of_all(run: RunView, state: RunState) -> list[tuple[Any, ...]]:
    """Return what is said of a family, the run itself last."""
    told = [(each.id, each.workflow, "ann", "moved", state) for each in list_runs(parent=run.id)]
    return [*sorted(told), (run.id, run.workflow, "ann", "moved", state)]


def test_a_family_that_is_paused_and_resumed_is_announced_once_others_can_see_it() -> None:
    run = start(parent)
    drive_until_idle()
    with heard(signals.run_paused) as paused:
        assert pause(run.id, by="ann", reason="moved")
        assert not pause(run.id, by="bob")
    with heard(signals.run_resumed) as resumed:
        assert resume(run.id, by="ann", reason="moved")
        assert not resume(run.id, by="bob")

    assert [*sorted(paused[:-1]), paused[-1]] == of_all(run, RunState.PAUSED)
    assert [*sorted(resumed[:-1]), resumed[-1]] == of_all(run, RunState.WAITING)


@workflow("tests.retried_announced")
def late(run: Context) -> None:
    run.start_child(wait_for_go).result()


def test_a_failed_family_that_is_retried_is_announced_once_others_can_see_it() -> None:
    run = start.using(deadline_seconds=60)(late)
    advance(61)
    assert get_run(run.id).state == RunState.FAILED

    with heard(signals.run_retried) as told:
        with pytest.raises(RetryRefused):
            retry(run.id, by="bob")
        assert retry(run.id, by="ann", reason="moved", deadline_seconds=60)

    assert told == of_all(run, RunState.PENDING)


@pytest.mark.parametrize("verb", [retry, retry_now])
def test_a_waiting_run_that_is_driven_now_is_announced(verb: Callable[..., bool]) -> None:
    run = start(wait_for_go)
    with heard(signals.run_retried) as told:
        assert not verb(run.id, by="bob")
        drive_until_idle()
        assert verb(run.id, by="ann", reason="moved")

    assert told == of_all(run, RunState.WAITING)


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
