"""What one drive knows: read as late as can be, and once it ends, it gets no further."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from workflows.api import send_event, start
from workflows.core.errors import DeadlineExceeded
from workflows.core.history import HistoryKind
from workflows.core.run import ClaimedRun, Fact
from workflows.core.unwind import EndOfHistory, LeaseLost
from workflows.definitions.workflow import workflow_definition
from workflows.engine.session.session import Session
from workflows.tests.builders import claim, counted_statements, give_to_another, started_and_claimed
from workflows.tests.flows import wait_for_go

pytestmark = pytest.mark.django_db


def session_of(run: ClaimedRun, **given: Any) -> Session:
    return Session(run, workflow_definition(wait_for_go), lambda: False, **given)


def label(position: int) -> Fact:
    return Fact(kind=HistoryKind.STATUS_SET, position=position, name="At it")


def test_a_fresh_run_is_read_without_asking_the_database() -> None:
    session = session_of(started_and_claimed(wait_for_go))

    with counted_statements() as sent:
        session.load()

    assert sent == []
    assert (session.history.last_position, session.inbox) == (0, [])


def test_events_that_came_early_and_what_was_done_before_are_read() -> None:
    send_event(start(wait_for_go).id, "go", 7)
    first = session_of(claim())
    first.append(label(1))
    again = session_of(give_to_another(first.run))

    again.load()

    assert again.history.last_position == 1
    assert [event.payload for event in again.inbox] == ["7"]


def test_a_drive_that_ends_gets_no_further_however_often_its_code_goes_on() -> None:
    session = session_of(started_and_claimed(wait_for_go))
    ending = session.unwind(LeaseLost())

    for _ in range(2):
        with pytest.raises(LeaseLost) as raised:
            session.next_position()
        assert raised.value is ending
    assert session.position == 0


def test_nothing_new_begins_after_the_deadline() -> None:
    start(wait_for_go, deadline_seconds=60)
    run = claim()
    late = ClaimedRun(**{**vars(run), "now": timezone.now() + timedelta(seconds=61)})

    session_of(run).before_new()
    with pytest.raises(DeadlineExceeded):
        session_of(late).before_new()
    session_of(late).before_undo()


def test_a_replay_that_may_do_nothing_ends_at_the_first_new_operation() -> None:
    session = session_of(started_and_claimed(wait_for_go), only_replay=True)

    with pytest.raises(EndOfHistory):
        session.before_new()
