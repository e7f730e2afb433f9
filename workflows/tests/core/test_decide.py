"""Replay's question, with every way in which code and history can disagree."""

from datetime import UTC, datetime

import pytest

from workflows.core.decide import (
    Operation,
    check_end,
    event_names,
    find_outcome,
    pass_unrecorded,
)
from workflows.core.errors import ReplayMismatch
from workflows.core.history import OPERATION, HistoryEntry, HistoryKind
from workflows.core.history_index import History

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
STEP = HistoryKind.STEP_COMPLETED


def line(
    position: int | None, kind: HistoryKind = STEP, name: str = "", *, part: int = 0, **data: object
) -> HistoryEntry:
    return HistoryEntry(
        id=100 * (position or 0) + part,
        position=position,
        part=part,
        kind=kind,
        name=name,
        data=data,
        at=NOON,
    )


def mismatch(history: History, position: int, asked: Operation) -> ReplayMismatch:
    with pytest.raises(ReplayMismatch) as caught:
        find_outcome(history, position, asked)
    return caught.value


def test_a_new_operation_has_no_outcome() -> None:
    assert find_outcome(History(), 1, Operation("step", "a")) is None


def test_a_recorded_operation_returns_its_outcome() -> None:
    done = line(1, name="a")

    assert find_outcome(History([done]), 1, Operation("step", "a")) is done


def test_an_operation_under_way_has_no_outcome_yet() -> None:
    waiting = line(1, HistoryKind.WAIT_STARTED, part=1, names=["go"])

    assert find_outcome(History([waiting]), 1, Operation("wait", "go")) is None


def test_a_failed_step_is_an_outcome_too() -> None:
    failed = line(1, HistoryKind.STEP_FAILED, "a")

    assert find_outcome(History([failed]), 1, Operation("step", "a")) is failed


def test_lines_about_the_run_itself_stand_at_no_position() -> None:
    history = History([line(None, HistoryKind.RECOVERED), line(None, HistoryKind.WOKEN)])

    assert history.last_position == 0
    assert find_outcome(history, 1, Operation("step", "a")) is None


def test_a_renamed_step_names_both_sides() -> None:
    found = mismatch(History([line(1, name="reject")]), 1, Operation("step", "approve"))

    assert (found.position, found.asked, found.recorded) == (1, "step 'approve'", "step 'reject'")
    assert "position 1 is step 'approve' in the code but step 'reject' in history" in str(found)


def test_a_removed_step_is_noticed_at_its_position() -> None:
    history = History([line(1, name="a"), line(2, name="b")])

    assert mismatch(history, 1, Operation("step", "b")).recorded == "step 'a'"


def test_a_step_added_before_recorded_ones_is_noticed() -> None:
    history = History([line(1, name="a")])

    assert mismatch(history, 1, Operation("step", "new")).recorded == "step 'a'"


def test_a_wait_instead_of_a_step_is_noticed() -> None:
    found = mismatch(History([line(1, name="a")]), 1, Operation("wait", "a"))

    assert (found.asked, found.recorded) == ("wait 'a'", "step 'a'")


def test_a_step_that_waits_for_its_next_attempt_counts_as_that_step() -> None:
    retried = line(1, HistoryKind.ATTEMPT_FAILED, "a", part=1)

    assert mismatch(History([retried]), 1, Operation("step", "b")).recorded == "step 'a'"


def test_a_wait_for_other_events_is_noticed() -> None:
    history = History([line(1, HistoryKind.WAIT_STARTED, part=1, names=["no", "yes"])])

    assert mismatch(history, 1, Operation("wait", "yes")).recorded == "wait 'no, yes'"


def test_a_received_event_is_compared_by_what_was_waited_for() -> None:
    received = line(1, HistoryKind.EVENT_RECEIVED, "yes", names=["no", "yes"], payload=1)

    assert find_outcome(History([received]), 1, Operation("wait", "no, yes")) is received


def test_a_sleep_instead_of_a_wait_is_noticed() -> None:
    history = History([line(1, HistoryKind.WAIT_STARTED, part=1, names=["go"])])

    assert mismatch(history, 1, Operation("sleep")).asked == "sleep"


def test_a_reworded_label_is_no_mismatch() -> None:
    said = line(1, HistoryKind.STATUS_SET, "Checking")

    assert find_outcome(History([said]), 1, Operation("status", "Looking")) is said


def test_a_label_instead_of_a_step_is_a_mismatch() -> None:
    found = mismatch(History([line(1, name="a")]), 1, Operation("status", "a"))

    assert found.asked == "status 'a'"


@pytest.mark.parametrize("what", ["now", "uuid", "random"])
def test_an_id_taken_where_a_step_was_recorded_is_noticed(what: str) -> None:
    history = History([line(1, name="a")])

    with pytest.raises(ReplayMismatch, match=f"position 1 is {what} in the code but step 'a'"):
        pass_unrecorded(history, 1, Operation(what))


def test_an_id_passes_where_nothing_was_recorded() -> None:
    history = History([line(1, name="a"), line(3, name="b")])

    pass_unrecorded(history, 2, Operation("uuid"))

    assert find_outcome(history, 3, Operation("step", "b")) is not None


def test_a_step_asked_for_where_an_id_was_taken_is_noticed() -> None:
    history = History([line(1, name="a"), line(3, name="b")])

    found = mismatch(history, 2, Operation("step", "b"))

    assert found.recorded == "step 'b' (position 3)"


def test_code_that_ends_before_its_history_is_noticed() -> None:
    history = History([line(1, name="a"), line(2, name="b")])

    with pytest.raises(ReplayMismatch) as caught:
        check_end(history, 1)

    assert (caught.value.asked, caught.value.recorded) == ("the end", "step 'b' (position 2)")


def test_code_that_ends_inside_a_wait_is_noticed() -> None:
    history = History([line(1, HistoryKind.WAIT_STARTED, part=1, names=["go"])])

    with pytest.raises(ReplayMismatch):
        check_end(history, 0)


@pytest.mark.parametrize("position", [2, 3])
def test_code_may_end_at_or_after_its_last_line(position: int) -> None:
    check_end(History([line(1, name="a"), line(2, name="b")]), position)


def test_failed_attempts_are_counted_per_position() -> None:
    failed = HistoryKind.ATTEMPT_FAILED
    history = History([line(1, failed, part=1), line(1, failed, part=2), line(2, failed, part=1)])

    assert [history.failed_attempts(position) for position in (1, 2, 3)] == [2, 1, 0]


def test_every_line_with_a_position_belongs_to_an_operation() -> None:
    about_the_run = {
        HistoryKind.RECOVERED,
        HistoryKind.BLOCKED,
        HistoryKind.WOKEN,
        HistoryKind.PAUSED,
        HistoryKind.RESUMED,
        HistoryKind.RETRIED,
        HistoryKind.FORKED,
        HistoryKind.CHILDREN_KEPT,
        HistoryKind.CANCEL_REQUESTED,
        HistoryKind.RUN_COMPLETED,
        HistoryKind.RUN_FAILED,
        HistoryKind.RUN_CANCELLED,
        HistoryKind.RUN_COMPENSATED,
        HistoryKind.COMPENSATION_STARTED,
        HistoryKind.CONTINUED,
        HistoryKind.CODE_AWAITED,
        HistoryKind.UNKNOWN,
    }
    about_undoing = {
        HistoryKind.COMPENSATION_COMPLETED,
        HistoryKind.COMPENSATION_ATTEMPT_FAILED,
    }

    assert set(OPERATION) == set(HistoryKind) - about_the_run - about_undoing


def test_one_name_and_several_become_a_tuple() -> None:
    assert event_names("go") == ("go",)
    assert event_names(["go", "stop"]) == ("go", "stop")


def test_what_is_done_again_may_have_later_lines_behind_it() -> None:
    later = line(2, HistoryKind.UPDATE_RECEIVED, part=1)
    again = line(None, HistoryKind.RETRIED, positions=[1])
    history = History([line(1, name="a"), later, again])

    assert find_outcome(history, 1, Operation("step", "a")) is None
    assert find_outcome(history, 1, Operation("step", "b")) is None
    with pytest.raises(ReplayMismatch):
        find_outcome(History([later]), 1, Operation("step", "a"))
