"""Write what the table of endings asks for."""

from collections.abc import Callable, Mapping

from workflows.core.codec import loads
from workflows.core.endings import UndoWhen, Write, what_to_write
from workflows.core.failure import as_json, describe
from workflows.core.states import RunState
from workflows.core.unwind import ContinueAsNew, Suspend
from workflows.engine.drive import newer_code, next_try, run_end
from workflows.engine.drive.ended import Ended
from workflows.engine.drive.undoing import clean_up, recollect_and_undo, undo_steps
from workflows.engine.drive.workflow_code import end_children
from workflows.engine.session.session import Session
from workflows.store import parking, queue
from workflows.store import runs as store


def carry_out(session: Session, ended: Ended) -> None:
    """Write how the drive has ended. A compensation that begins here goes as far as it goes now.

    Raises what belongs to the caller: StoreFailed, KeyboardInterrupt.
    """
    write = what_to_write(ended.how, session.held, _undo_when(session))
    if write in _ENDS and session.history.has_cleanups:
        if write is Write.FAIL:
            end_children(session)  # as in _fail
        ended = clean_up(session, ended)
        write = what_to_write(ended.how, session.held, _undo_when(session))
    match write:
        case Write.NOTHING:
            return
        case Write.RAISE:
            raise ended.why
        case Write.TELL_THE_LOSS:
            run_end.tell_the_loss(session)
        case Write.COMPENSATE:
            _begin_compensation(session, ended)
        case _:
            if not _WRITERS[write](session, ended):
                _refused(session, ended)


_ENDS = frozenset({Write.COMPLETE, Write.FAIL, Write.CONTINUE})
"""Before these are written, the run cleans up."""


def _undo_when(session: Session) -> UndoWhen:
    definition, history = session.definition, session.history
    undoable = any(not each.cleanup for each in session.undoable)
    return UndoWhen(
        failed=definition.on_failure == "compensate" and undoable,
        cancelled=definition.on_cancel == "compensate" or history.has_cleanups,
    )


def _refused(session: Session, ended: Ended) -> None:
    """The run was cancelled meanwhile, or belongs to somebody else."""
    held = store.look(session.run) if session.held == RunState.RUNNING else None
    if held is not None and held[0] == RunState.CANCELLING:
        session.held = RunState.CANCELLING
        carry_out(session, ended)
    else:
        run_end.tell_the_loss(session)


def _begin_compensation(session: Session, ended: Ended) -> None:
    cancelled, error, again = session.held == RunState.CANCELLING, None, False
    if not cancelled:
        error = as_json(describe(ended.why))
        end_children(session)  # as in _fail
        again = next_try.delay_after(session, ended.why) is not None
    notes = session.changed_notes()
    if not store.begin_compensation(session.run, error=error, again=again, notes=notes):
        _refused(session, ended)
        return
    session.held, session.failed_with = RunState.COMPENSATING, error
    session.history.begin_compensation(by_cancel=cancelled, again=again)
    # A cancel may come at any place of a replay, so that not all steps have been seen yet.
    carry_out(session, recollect_and_undo(session) if cancelled else undo_steps(session))


def _park(session: Session, ended: Ended) -> bool:
    assert isinstance(ended.error, Suspend)  # noqa: S101 - nothing else parks
    return parking.park_run(session.run, ended.error.park, notes=session.changed_notes())


def _complete(session: Session, ended: Ended) -> bool:
    return run_end.end(session, RunState.COMPLETED, output=ended.output)


def _continue(session: Session, ended: Ended) -> bool:
    assert isinstance(ended.error, ContinueAsNew)  # noqa: S101 - nothing else continues
    return run_end.continue_as_new(session, ended.error.input, ended.error.keeps)


def _fail(session: Session, ended: Ended) -> bool:
    end_children(session)  # those that a deadline or an output left no time to wait for
    delay = next_try.delay_after(session, ended.why) if ended.not_cleaned is None else None
    if delay is not None:
        failure = describe(ended.why)
        return next_try.begin(session, delay, RunState.FAILED, failure, is_told=False)
    not_cleaned = None if ended.not_cleaned is None else describe(ended.not_cleaned)
    return run_end.end(
        session,
        RunState.FAILED,
        failure=describe(ended.why),
        compensation_failure=not_cleaned,
    )


def _cancel(session: Session, _: Ended) -> bool:
    return run_end.end(session, RunState.CANCELLED)


def _block(session: Session, ended: Ended) -> bool:
    return run_end.block(session.run, ended.why)


def _await_code(session: Session, ended: Ended) -> bool:
    return newer_code.wait_for_it(session, ended.why)


def _release(session: Session, _: Ended) -> bool:
    return queue.release_run(session.run)


def _finish_cleanup(session: Session, _: Ended) -> bool:
    return run_end.end(session, RunState.CANCELLED)


def _finish_undoing(session: Session, _: Ended) -> bool:
    failed_with = session.failed_with or session.run.error
    delay = next_try.delay_now(session) if session.history.tries_again else None
    if delay is not None and failed_with is not None:
        state, failure = RunState.COMPENSATED, loads(failed_with)
        return next_try.begin(session, delay, state, failure, is_told=True)
    return run_end.end(session, RunState.COMPENSATED, undone=failed_with)


def _give_up_undoing(session: Session, ended: Ended) -> bool:
    return run_end.end(session, RunState.FAILED, compensation_failure=describe(ended.why))


_WRITERS: Mapping[Write, Callable[[Session, Ended], bool]] = {
    Write.PARK: _park,
    Write.COMPLETE: _complete,
    Write.CONTINUE: _continue,
    Write.FAIL: _fail,
    Write.CANCEL: _cancel,
    Write.BLOCK: _block,
    Write.AWAIT_CODE: _await_code,
    Write.RELEASE: _release,
    Write.FINISH_UNDOING: _finish_undoing,
    Write.FINISH_CLEANUP: _finish_cleanup,
    Write.GIVE_UP_UNDOING: _give_up_undoing,
}
"""Each returns False where it was refused, and has written nothing then."""
