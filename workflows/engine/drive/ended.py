"""How the workflow's code has ended, told from what it returned or raised and from history."""

from contextlib import suppress
from dataclasses import dataclass
from types import GeneratorType
from typing import Any

from workflows.conf import conf
from workflows.core.codec import Codec
from workflows.core.decide import check_end
from workflows.core.endings import Ending, ending_of
from workflows.core.errors import DefinitionError, ReplayMismatch, StepFailed, ValueNotStorable
from workflows.core.kept import refuse_loss
from workflows.engine.drive import newer_code
from workflows.engine.drive.workflow_code import call_workflow
from workflows.engine.session.session import Session


@dataclass(frozen=True)
class Ended:
    """How a drive ends, before anything is written of it."""

    how: Ending
    error: BaseException | None = None
    """What was raised; None: nothing was."""
    output: str | None = None
    """What the workflow returned, as JSON text."""
    not_cleaned: StepFailed | None = None
    """What of the cleanup has failed, beside the error."""

    @property
    def why(self) -> BaseException:
        """What was raised."""
        assert self.error is not None  # noqa: S101 - every other ending than a return has one
        return self.error


def replay_to_its_end(session: Session) -> Ended:
    """Call the workflow's code once, from its top as far as it goes."""
    try:
        result = call_workflow(session)
    except BaseException as exc:
        return unwound_by(session, session.unwinding or exc)
    if session.unwinding is not None:  # the code swallowed it and returned
        return unwound_by(session, session.unwinding)
    try:
        check_end(session.history, session.position)
    except ReplayMismatch as mismatch:
        return unwound_by(session, mismatch)
    return _returned(session, result)


def _returned(session: Session, result: Any) -> Ended:
    try:
        session.check_notes()
        codec = session.definition.signature.result
        _refuse_unread(result)
        output = codec.encode(result, max_bytes=conf().max_payload_bytes)
        _refuse_loss(result, codec, output)
    except ValueNotStorable as exc:
        return Ended(Ending.RAISED, exc)
    except DefinitionError as exc:
        return unwound_by(session, exc)
    return Ended(Ending.RETURNED, output=output)


def _refuse_loss(result: Any, codec: Codec, output: str) -> None:
    """The run waits to be mended: nothing of what it did is undone for a part of its result."""
    with suppress(ValueNotStorable):  # what its readers cannot read again is their affair
        back = codec.decode(output)
        try:
            refuse_loss(result, back)
        except ValueNotStorable as lost:
            raise DefinitionError(f"the result: {lost}") from None


def _refuse_unread(result: Any) -> None:
    """What is in the body of a generator would happen after the end of the code."""
    if isinstance(result, GeneratorType):
        name = result.__qualname__
        raise DefinitionError(
            f"the workflow returns the generator {name}, of which nothing has run yet; return list(…)"
        )


def unwound_by(session: Session, why: BaseException) -> Ended:
    """Say which ending it is that this was raised."""
    how = ending_of(why, session.definition.fails_on)
    if how in (Ending.RAISED, Ending.WRONG_DEFINITION):
        cut_short = _cut_short(session, why)
        if cut_short is not None and newer_code.may_come(session, cut_short):
            return Ended(Ending.CODE_IS_OLDER, cut_short)
        if cut_short is not None and how is Ending.RAISED:
            return Ended(Ending.MISMATCH, cut_short)
    if how is Ending.MISMATCH and newer_code.may_come(session, why):
        how = Ending.CODE_IS_OLDER
    return Ended(how, why)


def _cut_short(session: Session, why: BaseException) -> ReplayMismatch | None:
    """Return how an error in the middle of a replay, which is changed code and no outcome, differs
    from history; None: all that is recorded has been replayed."""
    try:
        check_end(session.history, session.position)
    except ReplayMismatch as mismatch:
        return ReplayMismatch(mismatch.position, f"{why!r}", mismatch.recorded)
    return None
