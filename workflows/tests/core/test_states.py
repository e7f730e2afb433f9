"""The table of legal moves, walked move by move."""

import pytest

from workflows.core.states import (
    CANCELLABLE_STATES,
    DUE_STATES,
    FINAL_STATES,
    HELD_STATES,
    RUN_MOVES,
    UNDOABLE_STATES,
    RunState,
    may_move,
)

EXPECTED = {
    "pending": {"running", "paused", "cancelled", "compensating"},
    "running": {
        "pending",
        "waiting",
        "paused",
        "blocked",
        "completed",
        "failed",
        "cancelling",
        "compensating",
    },
    "waiting": {"running", "paused", "cancelled", "compensating"},
    "paused": {"pending", "waiting", "cancelled", "compensating"},
    "blocked": {"pending", "cancelled", "compensating"},
    "cancelling": {"cancelled", "compensating"},
    "completed": set(),
    "failed": {"compensating", "pending"},
    "cancelled": {"compensating", "pending"},
    "compensating": {"compensated", "failed", "cancelled"},
    "compensated": set(),
}
"""The table once more, by hand: a move added or lost by accident fails here."""
PAIRS = [(old, new) for old in RunState for new in RunState]


def test_every_state_has_a_row() -> None:
    assert set(RUN_MOVES) == set(RunState)


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_a_move_is_legal_only_where_the_table_lists_it(old: RunState, new: RunState) -> None:
    assert may_move(old, new) is (new in EXPECTED[old])


def test_every_state_is_reachable_from_a_fresh_run() -> None:
    reached, fresh = set[RunState](), {RunState.PENDING}

    while fresh:
        reached |= fresh
        fresh = {new for old in fresh for new in RUN_MOVES[old]} - reached

    assert reached == set(RunState)


def test_final_states_are_those_that_nothing_leaves_but_compensate_and_retry() -> None:
    by_operators = {RunState.COMPENSATING, RunState.PENDING}
    left = {old for old in RunState if RUN_MOVES[old] <= by_operators}

    assert left == FINAL_STATES


def test_every_state_that_is_not_final_leads_to_an_end() -> None:
    ended = set(FINAL_STATES)

    for _ in RunState:
        ended |= {old for old, moves in RUN_MOVES.items() if moves & ended}

    assert ended == set(RunState)


def test_a_due_state_may_be_claimed() -> None:
    claimed = DUE_STATES - {RunState.COMPENSATING}  # claimed as it is

    assert all(may_move(state, RunState.RUNNING) for state in claimed)


def test_nothing_but_a_compensating_run_is_both_due_and_held_and_nothing_of_it_is_over() -> None:
    assert {RunState.COMPENSATING} == DUE_STATES & HELD_STATES
    assert not (DUE_STATES | HELD_STATES) & FINAL_STATES


def test_only_a_held_state_leads_to_completed_or_failed() -> None:
    ends = {RunState.COMPLETED, RunState.FAILED}

    holders = {old for old, moves in RUN_MOVES.items() if moves & ends}

    assert holders <= HELD_STATES


def test_a_run_can_be_asked_to_stop_where_it_may_move_to_a_stop() -> None:
    stops = {RunState.CANCELLING, RunState.CANCELLED}

    may_stop = {state for state, moves in RUN_MOVES.items() if moves & stops}

    cleaning_up = {RunState.COMPENSATING}  # after a cancel
    assert may_stop - stops - cleaning_up == CANCELLABLE_STATES


def test_a_run_that_ended_can_be_undone_where_it_may_still_move() -> None:
    assert {state for state in FINAL_STATES if RUN_MOVES[state]} == UNDOABLE_STATES
