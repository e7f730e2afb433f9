"""The picture in time: each attempt and each wait apart, and no day of silence before a retry."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from workflows.api import HistoryEntry, HistoryKind, RunState
from workflows.console.gantt import THINNEST, gantt_of
from workflows.core.run import NewRun
from workflows.core.signature import Input
from workflows.store.views import view_of_new

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
K = HistoryKind


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def line(
    moment: float,
    kind: HistoryKind,
    position: int | None = 1,
    /,
    *,
    part: int = 0,
    **data: Any,
) -> HistoryEntry:
    return HistoryEntry(
        id=int(moment * 10),
        position=position,
        part=part,
        kind=kind,
        name="pay",
        data=data,
        at=at(moment),
    )


def run_of(state: RunState = RunState.WAITING) -> Any:
    new = NewRun(id=uuid4(), workflow="w", version=1, input=Input("{}", "{}"))
    return view_of_new(
        new,
        state=state,
        created_at=NOON,
        started_at=at(0),
        tags=[],
        waiting_for=[],
        step_due_at=None,
    )


def drawn(
    *lines: HistoryEntry, now: float = 100, state: RunState = RunState.WAITING, **more: Any
) -> Any:
    return gantt_of(run_of(state), lines, [], at(now), **more)


FAILED: dict[str, Any] = {"attempt": 1, "seconds": 2.0, "error": {}}


def spans(bar: Any) -> list[tuple[str, float, float]]:
    return [
        (span.state, (span.begin - NOON).total_seconds(), (span.end - NOON).total_seconds())
        for span in bar.spans
    ]


def test_attempts_and_the_waits_between_them_stand_apart() -> None:
    picture = drawn(
        line(12, K.ATTEMPT_FAILED, part=1, retry_at=at(20).isoformat(), **FAILED),
        line(26, K.STEP_COMPLETED, seconds=4.0, output=None),
    )

    assert spans(picture.bars[-1]) == [
        ("failed", 10, 12),
        ("waiting", 12, 22),
        ("completed", 22, 26),
    ]


def test_a_wait_for_the_next_attempt_ends_now_at_the_latest() -> None:
    lines = line(12, K.ATTEMPT_FAILED, part=1, retry_at=at(500).isoformat(), **FAILED)

    assert spans(drawn(lines).bars[-1])[-1] == ("waiting", 12, 100)
    assert spans(drawn(lines, state=RunState.CANCELLED).bars[-1])[-1] == ("waiting", 12, 12)


def test_waits_for_events_begin_and_end() -> None:
    picture = drawn(
        line(1, K.WAIT_STARTED, part=1, names=["go", "stop"]),
        line(31, K.EVENT_RECEIVED, payload=None),
        line(40, K.SLEEP_STARTED, 2, part=1),
    )

    assert picture.bars[-2].name == "go, stop"
    assert spans(picture.bars[-2]) == [("waiting", 1, 31)]
    assert spans(picture.bars[-1]) == [("waiting", 40, 100)]


def test_pauses_are_rows_of_their_own() -> None:
    picture = drawn(line(5, K.PAUSED, None), line(9, K.RESUMED, None))

    assert spans(picture.bars[-1]) == [("paused", 5, 9)]


def test_days_before_a_retry_do_not_stretch_the_axis() -> None:
    lines = [
        line(2, K.STEP_FAILED, seconds=1.0, error={}, attempts=1, permanent=True),
        line(900_000, K.RETRIED, None, positions=[1]),
        line(900_003, K.STEP_COMPLETED, seconds=2.0, output=None),
    ]

    picture, whole = drawn(*lines, now=900_010), drawn(*lines, now=900_010, whole=True)

    assert picture.since_retry == at(900_000)
    assert (picture.end - picture.begin) == timedelta(seconds=2)
    assert whole.since_retry is None
    assert whole.begin == NOON


def test_places_are_percent_and_nothing_is_too_thin_to_be_seen() -> None:
    picture = drawn(
        line(0, K.STEP_COMPLETED, seconds=0.0, output=None),
        line(100, K.STEP_COMPLETED, 2, seconds=50.0, output=None),
    )

    places = [place for _, spans in picture.rows for _, *place in spans]

    assert ["50.000%", "50.000%"] in places
    assert all(float(width.rstrip("%")) >= THINNEST for _, width in places)


def test_a_run_that_has_done_nothing_has_none() -> None:
    view = run_of()

    assert gantt_of(view, [], [], at(1)) is not None
    fresh = view_of_new(
        NewRun(id=uuid4(), workflow="w", version=1, input=Input("{}", "{}")),
        state="pending",
        created_at=NOON,
        tags=[],
        waiting_for=[],
        step_due_at=None,
    )
    assert gantt_of(fresh, [], [], at(1)) is None
