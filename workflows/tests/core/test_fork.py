"""What a fork begins with, told from histories alone."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from workflows.core.fork import ForkRefused, forked_prefix
from workflows.core.history import RETRY, UNDO, HistoryEntry, HistoryKind
from workflows.core.history_index import History

_ = HistoryKind
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
A, B = UUID(int=1), UUID(int=2)
DONE = _.STEP_COMPLETED


def line(
    number: int, position: int | None, kind: HistoryKind, *, part: int = 0, **data: Any
) -> HistoryEntry:
    name = data.pop("of", "")
    return HistoryEntry(
        id=number, position=position, part=part, kind=kind, name=name, data=data, at=NOON
    )


def kept(*lines: HistoryEntry, at: int) -> list[int]:
    return [each.id for each in forked_prefix(lines, at, is_undoing=False).lines]


def test_what_stands_before_the_position() -> None:
    assert kept(line(1, 1, DONE), line(2, 2, DONE), line(3, 3, DONE), at=3) == [1, 2]
    assert kept(at=1) == []


def test_of_a_retried_run_what_counts() -> None:
    retried = line(3, None, _.RETRIED, positions=[2])
    again = line(4, 2, DONE, part=RETRY)
    assert kept(line(1, 1, DONE), line(2, 2, _.STEP_FAILED), retried, again, at=3) == [1, 4]


def test_how_the_run_began_goes_along() -> None:
    begun = line(1, None, _.CONTINUED, data={"seen": 1}, attributes={})
    prefix = forked_prefix([begun, line(2, 1, DONE)], 1, is_undoing=False)
    assert (prefix.lines, prefix.notes.data) == ([begun], '{"seen": 1}')
    assert kept(line(1, 1, DONE), line(2, None, _.CONTINUED, run=str(A)), at=2) == [1]


def test_the_label_of_then() -> None:
    labels = [line(each, each, _.STATUS_SET, of=f"label {each}") for each in (1, 2, 3)]
    assert forked_prefix(labels, 3, is_undoing=False).status == "label 2"


def test_a_group_is_taken_whole() -> None:
    group = line(1, 1, _.GROUP_STARTED, names=["a", "b"])
    lines = [group, line(2, 3, DONE)]
    for at in (2, 3):
        with pytest.raises(ForkRefused, match="inside a group; fork at 1"):
            kept(*lines, at=at)
    with pytest.raises(ForkRefused, match="position 2 has not ended; fork at 1 at most"):
        kept(*lines, at=4)
    # The code went on, whatever became of its steps.
    assert kept(*lines, line(3, 4, DONE), at=4) == [1, 2]


def test_an_operation_under_way_is_done_anew() -> None:
    attempt = line(2, 2, _.ATTEMPT_FAILED, part=1, of="pay")
    with pytest.raises(ForkRefused, match=r"position 2 \(step 'pay'\) has not ended"):
        kept(line(1, 1, DONE), attempt, at=3)
    assert kept(line(1, 1, DONE), attempt, at=2) == [1]


def test_what_the_code_has_undone_belongs_to_the_story_and_what_the_run_has_undone_is_refused() -> (
    None
):
    undone = line(2, 1, _.COMPENSATION_COMPLETED, part=UNDO)
    assert kept(line(1, 1, DONE), undone, at=2) == [1, 2]
    turned = line(2, None, _.COMPENSATION_STARTED)
    late = line(3, 1, _.COMPENSATION_COMPLETED, part=UNDO)
    with pytest.raises(ForkRefused, match=r"position 1 .* has been undone"):
        kept(line(1, 1, DONE), turned, late, at=2)


def test_what_only_a_newer_release_knows() -> None:
    with pytest.raises(ForkRefused, match="'dreamt'"):
        kept(line(1, None, _.UNKNOWN, of="dreamt"), at=1)


def test_whose_an_operation_is_also_in_forks_of_forks() -> None:
    def forked(number: int, run: UUID, before: int) -> HistoryEntry:
        created_at = NOON.isoformat()
        return line(number, None, _.FORKED, run=str(run), before=before, created_at=created_at)

    longer = History([forked(1, A, 3), forked(2, B, 5)])
    assert [longer.origin(each) for each in (2, 3, 4, 5)] == [A, B, B, None]
    shorter = History([forked(1, A, 3), forked(2, B, 2)])
    assert [shorter.origin(each) for each in (1, 2, 3)] == [A, None, None]
    assert (longer.begun_at, History().begun_at) == (NOON, None)
