"""Which recorded outcomes a retry leaves behind, told from histories alone."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from workflows.core.history import HistoryEntry, HistoryKind
from workflows.core.history_index import History
from workflows.core.what_failed import started_at, what_failed

_ = HistoryKind
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
A, B = UUID(int=1), UUID(int=2)


def history(*told: tuple[int | None, HistoryKind, dict[str, Any]]) -> History:
    """Return a history of lines: position, kind, data. A child's end has the name of its event."""
    return History(
        HistoryEntry(
            id=number,
            position=position,
            part=1 if kind in (_.WAIT_STARTED, _.ATTEMPT_FAILED) else 0,
            kind=kind,
            name=data.get("of", ""),
            data=data,
            at=NOON,
        )
        for number, (position, kind, data) in enumerate(told, 1)
    )


def end(position: int, child: UUID, state: str) -> tuple[int, HistoryKind, dict[str, Any]]:
    payload = {"state": state, "output": None, "error": None}
    return position, _.EVENT_RECEIVED, {"of": f"child:{child}", "payload": payload}


def test_the_last_step_where_it_failed() -> None:
    found = what_failed(history((1, _.STEP_COMPLETED, {}), (2, _.STEP_FAILED, {})))

    assert found.positions == [2]


def test_nothing_where_the_code_raised_behind_a_step_that_completed() -> None:
    assert what_failed(history((1, _.STEP_FAILED, {}), (2, _.STEP_COMPLETED, {}))).positions == []


def test_a_step_between_two_attempts_and_not_the_time_out_before_it() -> None:
    found = what_failed(history((1, _.WAIT_TIMED_OUT, {}), (2, _.ATTEMPT_FAILED, {})))

    assert found.positions == [2]


def test_of_a_group_what_has_not_completed() -> None:
    found = what_failed(
        history(
            (1, _.GROUP_STARTED, {"names": ["a", "b", "c", "d"]}),
            (3, _.STEP_FAILED, {}),
            (2, _.STEP_COMPLETED, {}),
            (5, _.STEP_COMPLETED, {}),
        )
    )

    assert found.positions == [3]


def test_the_ends_of_children_from_the_first_that_did_not_complete() -> None:
    found = what_failed(history(end(3, A, "completed"), end(4, B, "failed")))

    assert found.positions == [4]
    assert found.standing == {A}


def test_the_ends_that_a_failed_step_waited_for() -> None:
    found = what_failed(history((2, _.STEP_FAILED, {}), end(3, A, "completed")))

    assert (found.positions, found.standing) == ([2, 3], set())


def test_what_was_retried_before_and_failed_again() -> None:
    found = what_failed(history((1, _.STEP_FAILED, {}), (None, _.RETRIED, {"positions": [1]})))

    assert found.positions == []


def test_nothing_where_the_run_stood_in_a_wait_behind_a_failure() -> None:
    for wait in (_.WAIT_STARTED, _.SLEEP_STARTED):
        found = what_failed(history((1, _.STEP_FAILED, {}), (2, wait, {"names": ["go", "stop"]})))

        assert found.positions == []


def waited_for(position: int, child: UUID) -> tuple[int, HistoryKind, dict[str, Any]]:
    return position, _.WAIT_STARTED, {"names": [f"child:{child}"]}


def test_the_wait_for_a_child_that_still_ended_when_the_run_had_failed() -> None:
    assert what_failed(history((1, _.STEP_FAILED, {}), waited_for(2, A))).positions == [1, 2]
    assert what_failed(history(end(1, A, "completed"), waited_for(2, B))).positions == []


def answered(position: int) -> tuple[int, HistoryKind, dict[str, Any]]:
    return position, _.UPDATE_ANSWERED, {"of": "add", "output": None}


def test_the_end_of_a_child_and_not_what_was_done_for_an_update_meanwhile() -> None:
    found = what_failed(
        history(waited_for(1, A), (3, _.STEP_FAILED, {}), answered(2), end(1, A, "failed"))
    )

    assert (found.positions, found.standing, found.answered) == ([1], set(), None)


def test_an_answer_behind_what_failed_is_in_the_way() -> None:
    for failed in ((1, _.STEP_FAILED, {}), end(1, A, "failed")):
        found = what_failed(history(failed, answered(2), end(3, B, "cancelled")))

        assert found.answered is not None
        assert found.answered.position == 2


def test_where_a_child_was_started() -> None:
    told = history((1, _.STATUS_SET, {}), (2, _.CHILD_STARTED, {"run": str(A)}))

    assert (started_at(told, A), started_at(told, B)) == (2, None)
