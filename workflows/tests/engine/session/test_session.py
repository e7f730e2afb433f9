"""One drive writes: guarded, with its notes, and taken in once that stands."""

from typing import Any

import pytest
from django.db import OperationalError

from workflows.core.history import HistoryKind
from workflows.core.run import ClaimedRun, Fact
from workflows.core.states import RunState
from workflows.core.unwind import Cancelled, LeaseLost, StoreFailed
from workflows.definitions.workflow import workflow_definition
from workflows.engine.session.session import Session
from workflows.store.fence import UNCHANGED, Notes
from workflows.store.steering import cancel_run
from workflows.tests.builders import give_to_another, started_and_claimed
from workflows.tests.flows import wait_for_go

pytestmark = pytest.mark.django_db


def session_of(run: ClaimedRun, **given: Any) -> Session:
    return Session(run, workflow_definition(wait_for_go), lambda: False, **given)


def label(position: int) -> Fact:
    return Fact(kind=HistoryKind.STATUS_SET, position=position, name="At it")


def test_a_line_that_is_refused_means_that_the_run_is_lost() -> None:
    session = session_of(started_and_claimed(wait_for_go))
    give_to_another(session.run)

    with pytest.raises(LeaseLost):
        session.append(label(1))


def test_a_cancel_is_noticed_with_the_next_line() -> None:
    session = session_of(started_and_claimed(wait_for_go))
    cancel_run(session.run.id, reason="", by="")

    with pytest.raises(Cancelled):
        session.take_in(session.append(label(1)))

    assert session.history.last_position == 1


def test_what_was_written_before_a_cancel_and_is_taken_in_behind_it_does_not_hide_it() -> None:
    session = session_of(started_and_claimed(wait_for_go))
    before = session.append(label(1))
    cancel_run(session.run.id, reason="", by="")
    after = session.append(label(2))
    with pytest.raises(Cancelled):
        session.take_in(after)

    session.take_in(before)

    assert session.held == RunState.CANCELLING


def test_a_failure_of_the_database_is_the_end_of_the_drive_and_not_the_codes_to_catch() -> None:
    session = session_of(started_and_claimed(wait_for_go))

    with pytest.raises(StoreFailed), session.guarded():
        raise OperationalError("away")

    assert isinstance(session.unwinding, StoreFailed)


def test_a_failure_that_is_left_to_the_caller_does_not_end_the_drive() -> None:
    session = session_of(started_and_claimed(wait_for_go))

    with pytest.raises(StoreFailed), session.guarded(ends_drive=False):
        raise OperationalError("in conflict")

    assert session.unwinding is None


def test_notes_are_stored_once_with_the_next_line() -> None:
    session = session_of(started_and_claimed(wait_for_go))
    session.notes.data.values["stage"] = "one"
    session.notes.attributes.values["order"] = 7
    changed = session.changed_notes()

    written = session.append(label(1))
    not_committed_yet = session.changed_notes()
    session.take_in(written)

    assert changed == Notes('{"stage": "one"}', '{"order": 7}')
    assert not_committed_yet == changed
    assert session.changed_notes() == UNCHANGED
