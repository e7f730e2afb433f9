"""Undoing tells how it has ended, before anything is written of it."""

from collections.abc import Iterator

import pytest

from workflows.api import StepFailed, cancel, start
from workflows.core.endings import Ending
from workflows.core.history import HistoryEntry, HistoryKind
from workflows.definitions.workflow import workflow_definition
from workflows.engine.drive.undoing import recollect_and_undo
from workflows.engine.session.session import Session
from workflows.testing import drive_until_idle
from workflows.tests.builders import claim
from workflows.tests.engine.trips import broken, trip
from workflows.tests.flows import notes

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def mended() -> Iterator[None]:
    yield
    broken.clear()


def being_undone(*, stopping: bool = False) -> Session:
    """Return the session of a drive that takes up a compensation."""
    run = start(trip, fails=False)
    drive_until_idle()
    cancel(run.id)
    session = Session(claim(), workflow_definition(trip), lambda: stopping)
    session.load()
    notes.done.clear()
    return session


def test_all_that_was_done_is_undone() -> None:
    ended = recollect_and_undo(being_undone())

    assert (ended.how, notes.done) == (Ending.UNDONE, ["release HOTEL", "release FLIGHT"])


def test_an_undo_that_is_tried_again_waits_for_it() -> None:
    broken.add("flight")

    ended = recollect_and_undo(being_undone())

    assert (ended.how, notes.done[0]) == (Ending.SUSPENDED, "release HOTEL")


def test_an_undo_that_has_failed_for_good_is_the_end() -> None:
    broken.add("hotel")
    session = being_undone()
    first = recollect_and_undo(session)
    [hotel] = [step for step in session.undoable if step.args == ("hotel",)]
    session.history.add(given_up(session, hotel.position))
    session.rewind()

    ended = recollect_and_undo(session)

    assert (first.how, ended.how) == (Ending.SUSPENDED, Ending.NOT_UNDONE)
    assert isinstance(ended.why, StepFailed)


def given_up(session: Session, position: int) -> HistoryEntry:
    return HistoryEntry(
        id=10**9,
        position=position,
        part=1_000_001,
        kind=HistoryKind.COMPENSATION_ATTEMPT_FAILED,
        name="release",
        data={"attempt": 2, "attempts": 2, "error": ERROR, "permanent": False},
        at=session.run.now,
    )


ERROR = {"type": "ValueError", "message": "out of order"}


def test_a_worker_that_stops_begins_no_more() -> None:
    ended = recollect_and_undo(being_undone(stopping=True))

    assert (ended.how, notes.done) == (Ending.DRAINED, [])


def test_code_that_disagrees_with_history_undoes_nothing() -> None:
    session = being_undone()
    first = session.history.begun(1)
    assert first is not None
    session.history.add(HistoryEntry(**{**vars(first), "name": "another"}))

    ended = recollect_and_undo(session)

    assert (ended.how, notes.done) == (Ending.MISMATCH, [])
