"""The table of legal moves, walked move by move."""

import pytest

from workflows.core.states import (
    DUE_STATES,
    FINAL_STATES,
    HELD_STATES,
    RUN_MOVES,
    RunState,
    may_move,
)

EXPECTED = {
    "pending": {"running", "cancelled"},
    "running": {"pending", "waiting", "blocked", "completed", "failed", "cancelling"},
    "waiting": {"running", "cancelled"},
    "blocked": {"pending", "cancelled"},
    "cancelling": {"cancelled"},
    "completed": set(),
    "failed": set(),
    "cancelled": set(),
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


def test_final_states_are_those_that_nothing_leaves() -> None:
    assert {RunState.COMPLETED, RunState.FAILED, RunState.CANCELLED} == FINAL_STATES


def test_every_state_that_is_not_final_leads_to_an_end() -> None:
    ended = set(FINAL_STATES)

    for _ in RunState:
        ended |= {old for old, moves in RUN_MOVES.items() if moves & ended}

    assert ended == set(RunState)


def test_a_due_state_may_be_claimed() -> None:
    assert all(may_move(state, RunState.RUNNING) for state in DUE_STATES)


def test_nothing_is_both_due_and_held_or_over() -> None:
    assert not DUE_STATES & HELD_STATES
    assert not (DUE_STATES | HELD_STATES) & FINAL_STATES


def test_only_a_held_state_leads_to_completed_or_failed() -> None:
    ends = {RunState.COMPLETED, RunState.FAILED}

    holders = {old for old, moves in RUN_MOVES.items() if moves & ends}

    assert holders <= HELD_STATES
