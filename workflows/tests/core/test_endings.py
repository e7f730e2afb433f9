"""The table of endings, walked cell by cell."""

from itertools import product

import pytest

from workflows.core import unwind
from workflows.core.endings import (
    ANSWERS,
    MOVES,
    Ending,
    UndoWhen,
    Write,
    ending_of,
    what_to_write,
)
from workflows.core.errors import ReplayMismatch, StepFailed, UnknownWorkflow
from workflows.core.run import Park
from workflows.core.states import HELD_STATES, RunState, may_move
from workflows.core.unwind import (
    ContinueAsNew,
    EndOfHistory,
    LostInStep,
    StoreFailed,
    Suspend,
    Unwind,
)

WISHES = [UndoWhen(failed=f, cancelled=c) for f, c in product((False, True), repeat=2)]
EVERY_CELL = pytest.mark.parametrize(
    ("ending", "held", "undo"), list(product(Ending, sorted(HELD_STATES), WISHES))
)
RUNNING, CANCELLING, COMPENSATING = (
    RunState.RUNNING,
    RunState.CANCELLING,
    RunState.COMPENSATING,
)


@EVERY_CELL
def test_every_ending_in_every_held_state_has_an_answer_that_is_a_legal_move(
    ending: Ending, held: RunState, undo: UndoWhen
) -> None:
    write = what_to_write(ending, held, undo)

    if MOVES[write]:
        new = MOVES[write][held]
        assert new == held or may_move(held, new)


def test_every_ending_is_in_the_table_and_every_write_is_an_answer() -> None:
    answers = {what_to_write(*cell) for cell in product(Ending, HELD_STATES, WISHES)}

    assert set(ANSWERS) == set(Ending)
    assert set(MOVES) == answers == set(Write)


def test_a_run_is_only_parked_or_given_back_without_leaving_compensation() -> None:
    staying = {write for write, moves in MOVES.items() for old, new in moves.items() if old == new}

    assert staying == {Write.PARK, Write.AWAIT_CODE, Write.RELEASE}


@pytest.mark.parametrize("ending", list(Ending))
def test_what_is_being_cancelled_is_only_cancelled_or_undone(ending: Ending) -> None:
    answers = {what_to_write(ending, CANCELLING, undo) for undo in WISHES}

    writing_nothing = {Write.NOTHING, Write.RAISE, Write.TELL_THE_LOSS}
    assert answers == {Write.CANCEL, Write.COMPENSATE} or len(answers & writing_nothing) == 1


@pytest.mark.parametrize(
    ("ending", "held", "undo", "write"),
    [
        (Ending.RETURNED, RUNNING, UndoWhen(failed=True, cancelled=True), Write.COMPLETE),
        (Ending.RAISED, RUNNING, UndoWhen(cancelled=True), Write.FAIL),
        (Ending.RAISED, RUNNING, UndoWhen(failed=True), Write.COMPENSATE),
        (Ending.CANCELLED, CANCELLING, UndoWhen(failed=True), Write.CANCEL),
        (Ending.CANCELLED, CANCELLING, UndoWhen(cancelled=True), Write.COMPENSATE),
        (Ending.MISMATCH, RUNNING, UndoWhen(failed=True), Write.BLOCK),
        (Ending.MISMATCH, COMPENSATING, UndoWhen(failed=True), Write.GIVE_UP_UNDOING),
        (Ending.STORE_REFUSED, RUNNING, UndoWhen(failed=True), Write.BLOCK),
        (Ending.RETURNED, COMPENSATING, UndoWhen(), Write.TELL_THE_LOSS),
        (Ending.LEASE_LOST, RUNNING, UndoWhen(failed=True), Write.TELL_THE_LOSS),
        (Ending.ABANDONED, RUNNING, UndoWhen(failed=True), Write.NOTHING),
    ],
)
def test_the_workflow_says_when_its_steps_are_undone(
    ending: Ending, held: RunState, undo: UndoWhen, write: Write
) -> None:
    assert what_to_write(ending, held, undo) is write


def test_a_run_that_undoes_its_steps_takes_these_ends_and_no_other() -> None:
    taken = {
        Ending.SUSPENDED: Write.PARK,
        Ending.DRAINED: Write.RELEASE,
        Ending.MISMATCH: Write.GIVE_UP_UNDOING,
        Ending.CODE_IS_OLDER: Write.AWAIT_CODE,
        Ending.STORE_REFUSED: Write.GIVE_UP_UNDOING,
        Ending.UNDONE: Write.FINISH_UNDOING,
        Ending.CLEANED_UP: Write.FINISH_CLEANUP,
        Ending.NOT_UNDONE: Write.GIVE_UP_UNDOING,
    }
    raised = dict.fromkeys([Ending.STORE_FAILED, Ending.INTERRUPTED], Write.RAISE)
    silent = dict.fromkeys([Ending.PARKED, Ending.ABANDONED, Ending.CODE_MISSING], Write.NOTHING)
    told = dict.fromkeys(Ending, Write.TELL_THE_LOSS)

    answers = {ending: what_to_write(ending, COMPENSATING, UndoWhen()) for ending in Ending}

    assert answers == told | raised | silent | taken


@pytest.mark.parametrize(
    ("why", "ending"),
    [
        (Suspend(Park()), Ending.SUSPENDED),
        (ContinueAsNew(None), Ending.CONTINUED),
        (ReplayMismatch(1, "step 'a'", "step 'b'"), Ending.MISMATCH),
        (UnknownWorkflow("no such"), Ending.WRONG_DEFINITION),
        (StoreFailed(OSError()), Ending.STORE_FAILED),
        (LostInStep(OSError(), 0.0), Ending.STORE_FAILED),
        (KeyboardInterrupt(), Ending.INTERRUPTED),
        (StepFailed("a", "OSError", "", 1), Ending.RAISED),
        (SystemExit(), Ending.RAISED),
        (ValueError(), Ending.RAISED),
    ],
)
def test_what_was_raised_tells_the_ending(why: BaseException, ending: Ending) -> None:
    assert ending_of(why) is ending


def test_whatever_unwinds_workflow_code_is_no_failure_of_it() -> None:
    unwinding = [
        kind
        for kind in vars(unwind).values()
        if isinstance(kind, type) and issubclass(kind, Unwind) and kind is not Unwind
    ]
    failures = {kind for kind in unwinding if ending_of(kind.__new__(kind)) is Ending.RAISED}

    # A replay that may do nothing new is never written of.
    assert failures == {EndOfHistory}
