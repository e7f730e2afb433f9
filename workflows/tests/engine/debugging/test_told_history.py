"""History in words."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from workflows.core.decide import Operation
from workflows.core.history import HistoryEntry, HistoryKind
from workflows.core.history_index import History
from workflows.core.idempotency_key import Keys
from workflows.engine.debugging.told_history import (
    by_position,
    told_line,
    told_next,
    told_operation,
    told_stop,
)
from workflows.engine.debugging.watched_replay import Stop

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(seconds=90)


def line(kind: HistoryKind, *, name: str = "", part: int = 0, **data: Any) -> HistoryEntry:
    position = None if kind == HistoryKind.RETRIED else 1
    return HistoryEntry(
        id=1, position=position, part=part, kind=kind, name=name, data=data, at=LATER
    )


def stop(what: str, name: str = "", **more: Any) -> Stop:
    return Stop(position=1, operation=Operation(what, name), **more)


def test_a_reading_of_the_idempotency_key_is_told_by_its_name() -> None:
    reading = Keys(uuid4()).read(1)

    told = told_stop(stop("step", "charge", given={"key": reading, "keys": [reading]}))

    assert "(key=run.idempotency_key, keys=[run.idempotency_key])" in told


def test_a_line_says_what_and_when() -> None:
    completed = line(HistoryKind.STEP_COMPLETED, name="charge", output="ref", seconds=1.5)
    failed = line(
        HistoryKind.ATTEMPT_FAILED,
        name="charge",
        attempt=1,
        attempts=3,
        error={"type": "OSError", "message": "away", "traceback": "in line 7"},
        retry_at=LATER.isoformat(),
    )

    assert told_line(completed, NOON) == (
        "completed 'charge' 2026-03-01 12:01:30.000 UTC (+90.000 s), took 1.500 s, result \"ref\""
    )
    assert told_line(failed, NOON).startswith("attempt failed 'charge'")
    assert "OSError: away" in told_line(failed, NOON)
    assert "the next not before 2026-03-01 12:01:30.000 UTC" in told_line(failed, NOON)
    assert "in line 7" not in told_line(failed, NOON)
    assert "in line 7" in told_line(failed, NOON, whole=True)


def test_a_long_value_is_cut_unless_all_of_it_is_asked_for() -> None:
    long = line(HistoryKind.EVENT_RECEIVED, name="text", names=["text"], payload="x" * 1000)

    assert "… (1,002 characters)" in told_line(long, NOON)
    assert "x" * 1000 in told_line(long, NOON, whole=True)


def test_lines_before_a_retry_count_no_more() -> None:
    failed, completed = line(HistoryKind.STEP_FAILED), line(HistoryKind.STEP_COMPLETED)

    found = by_position([failed, line(HistoryKind.RETRIED, positions=[1]), completed])

    assert found == {1: [completed]}


def test_the_next_thing_is_told_by_what_has_begun() -> None:
    error = {"type": "OSError", "message": ""}
    failed = line(
        HistoryKind.ATTEMPT_FAILED, part=1, attempt=1, error=error, retry_at=LATER.isoformat()
    )
    began = line(HistoryKind.STEP_STARTED, part=1)
    waits = line(HistoryKind.WAIT_STARTED, part=1, names=["go"], until=None)
    new = History()

    assert told_next(stop("step", "pay"), new) == "step 'pay' runs for the first time"
    assert told_next(stop("step", "pay"), History([failed])) == (
        "attempt 2 of step 'pay', not before 2026-03-01 12:01:30.000 UTC"
    )
    assert "only attempt has begun" in told_next(stop("step", "pay"), History([began]))
    assert told_next(stop("wait", "go"), new) == "wait 'go' begins"
    assert told_next(stop("wait", "go"), History([waits])) == (
        "wait 'go', since 2026-03-01 12:01:30.000 UTC, without a time limit"
    )
    assert told_next(stop("child", "tests.greet"), new) == "child 'tests.greet'"
    assert told_next(stop("continue_as_new"), new) == "the run goes on as a new one"
    assert told_next(stop("group", "pay", steps=("pay",)), new) == (
        "group of 1 steps, 1 left: step 'pay' (position 2) runs for the first time"
    )


def test_the_end_of_a_child_is_called_that() -> None:
    assert told_operation(Operation("wait", "child:17")) == "the end of child 17"
