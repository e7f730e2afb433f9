"""History, looked up by position."""

from datetime import UTC, datetime, timedelta
from typing import Any

from workflows.core.history import UNDO, HistoryEntry, HistoryKind
from workflows.core.history_index import History

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def line(
    id: int, kind: HistoryKind, position: int | None = 1, part: int = 0, **data: Any
) -> HistoryEntry:
    """Return a line written so many minutes after noon as its id says."""
    at = NOON + timedelta(minutes=id)
    return HistoryEntry(
        id=id, position=position, part=part, kind=kind, name="step", data=data, at=at
    )


def failed(id: int, attempt: int) -> HistoryEntry:
    retry_at = NOON + timedelta(hours=attempt)
    return line(id, HistoryKind.ATTEMPT_FAILED, part=attempt, retry_at=retry_at.isoformat())


def test_nothing_has_happened_in_an_empty_history() -> None:
    history = History()

    assert history.last_position == 0
    assert history.outcome(1) is history.begun(1) is history.started(1) is None
    assert (history.failed_attempts(1), history.retry_at(1)) == (0, None)


def test_an_operation_under_way_has_begun_and_has_no_outcome() -> None:
    attempt = failed(1, 1)
    history = History([attempt])

    assert history.begun(1) == attempt
    assert history.outcome(1) is None


def test_attempts_are_counted_and_the_newest_says_when_the_next_may_come() -> None:
    history = History([failed(1, 1), failed(2, 2)])

    assert history.failed_attempts(1) == 2
    assert history.retry_at(1) == NOON + timedelta(hours=2)


def test_whoever_was_woken_after_the_failure_tries_at_once() -> None:
    woken = line(3, HistoryKind.WOKEN, position=None)

    assert History([failed(1, 1), woken]).retry_at(1) is None
    assert History([woken, failed(4, 1)]).retry_at(1) is not None


def test_the_undoing_of_a_step_is_told_apart_from_the_step() -> None:
    done = line(1, HistoryKind.STEP_COMPLETED)
    undone = line(2, HistoryKind.COMPENSATION_COMPLETED, part=UNDO)

    history = History([done, undone])

    assert (history.outcome(1), history.undone(1)) == (done, undone)


def test_a_new_round_of_undoing_forgets_who_had_given_up() -> None:
    given_up = line(2, HistoryKind.COMPENSATION_ATTEMPT_FAILED, part=UNDO + 1, retry_at=None)
    history = History([line(1, HistoryKind.COMPENSATION_STARTED, position=None), given_up])
    before = history.undo_given_up(1), history.undo_attempt(1)

    history.add(line(3, HistoryKind.COMPENSATION_STARTED, position=None))

    assert before == (given_up, 2)
    assert (history.undo_given_up(1), history.undo_attempt(1)) == (None, 1)
    assert history.failed_undos(1) == 1


def test_newer_code_is_awaited_until_something_else_happens() -> None:
    first, second = (line(id, HistoryKind.CODE_AWAITED, position=None) for id in (1, 2))
    history = History([first, second])
    before = history.code_awaited_since

    history.add(line(3, HistoryKind.STEP_COMPLETED))

    assert before == first.at
    assert history.code_awaited_since is None


def lost_in(id: int, *, attempt: int = 1, undo: bool = False, overran: str | None) -> HistoryEntry:
    """Return the line of a worker that was lost in the step at position 1."""
    step = {
        "name": "step", "position": 1, "attempt": attempt, "undo": undo, "overran": overran,
        "since": NOON.isoformat(), "host": "here", "pid": 7,
    }  # fmt: skip
    return line(id, HistoryKind.RECOVERED, None, steps=[step])


def test_an_attempt_that_ran_beyond_its_limit_until_its_process_ended_is_known() -> None:
    history = History([lost_in(1, overran=None), lost_in(2, attempt=2, overran="timeout")])

    assert history.overran(1, 1, undo=False) is None
    found = history.overran(1, 2, undo=False)
    assert found is not None
    assert found.overran == "timeout"
    assert history.overran(1, 2, undo=True) is None


def test_an_attempt_to_undo_that_ran_beyond_its_limit_counts_for_its_round() -> None:
    lost = lost_in(1, undo=True, overran="timeout")
    again = line(2, HistoryKind.COMPENSATION_STARTED, None, by="alice", error=None)

    assert History([lost]).overran(1, 1, undo=True) is not None
    assert History([lost, again]).overran(1, 1, undo=True) is None


def lost(id: int, attempt: int, company: int = 9) -> HistoryEntry:
    return line(id, HistoryKind.RECOVERED, None, attempt=attempt, company=company)


def test_losses_in_company_count_until_progress_or_a_fresh_start() -> None:
    for fresh in (
        line(3, HistoryKind.STEP_COMPLETED, 1),
        line(3, HistoryKind.WOKEN, None),
        line(3, HistoryKind.RETRIED, None, positions=[]),
        line(3, HistoryKind.COMPENSATION_STARTED, None),
    ):
        history = History([lost(1, 1), lost(2, 2), fresh, lost(4, 4)])

        assert history.lost_in_company() == [lost(4, 4).at], fresh.kind


def test_losses_alone_and_before_heartbeats_that_moved_are_none_in_company() -> None:
    history = History([lost(1, 1), lost(2, 2, company=0), lost(3, 3)])

    assert history.lost_in_company(since_attempt=2) == [lost(3, 3).at]


def test_how_a_cleanup_went_is_neither_undone_nor_what_another_run_begins_with() -> None:
    said = line(1, HistoryKind.CLEANUP_SET, 1)
    turned = line(2, HistoryKind.COMPENSATION_STARTED, None, by="alice", error=None)
    for before in ([said], [said, turned]):
        history = History([*before, line(3, HistoryKind.COMPENSATION_COMPLETED, 1, UNDO)])

        assert history.story(1) == [said]
        assert history.undone(1) is not None
        assert not history.is_undone_by_the_run(1)
