"""What a run has asked for, by its positions."""

from datetime import UTC, datetime

from workflows.core.history import RETRY, UNDO, HistoryEntry, HistoryKind
from workflows.core.step_views import StepState, StepView
from workflows.picture.operations import Operation, operations

_ = HistoryKind


def line(
    position: int, kind: HistoryKind, name: str = "", part: int = 0, **data: object
) -> HistoryEntry:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return HistoryEntry(id=1, position=position, part=part, kind=kind, name=name, data=data, at=at)


def test_the_last_line_of_a_position_counts_and_undoing_does_not() -> None:
    lines = [
        line(1, _.STATUS_SET, "Packing"),
        line(2, _.STEP_FAILED, "pack"),
        line(2, _.STEP_COMPLETED, "pack", RETRY),
        line(2, _.COMPENSATION_COMPLETED, "unpack", UNDO),
        line(3, _.WAIT_STARTED, names=["a", "b"]),
        line(4, _.WAIT_TIMED_OUT, names=["a"]),
    ]
    running = StepView(position=5, name="post", state=StepState.RUNNING)

    assert operations(lines, [running]) == [
        Operation(position=2, kind="step", names=("pack",)),
        Operation(position=3, kind="wait", names=("a", "b"), open=True),
        Operation(position=4, kind="wait", names=("a",), timed_out=True),
        Operation(position=5, kind="step", names=("post",), open=True),
    ]
