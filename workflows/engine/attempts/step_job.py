"""A step about to be run: which, with what, at which attempt, within which limits."""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

from workflows.core.beat import read_beat
from workflows.core.codec import loads
from workflows.core.copies import copied_arguments
from workflows.core.digests import Digests, difference, digest
from workflows.core.idempotency_key import Receiver, refuse_in_function, step_key
from workflows.core.line_fields import ARGUMENTS, HEARTBEAT, OWN_KEYS
from workflows.core.lines import NOTHING_NOTED, Received
from workflows.core.run import StepInfo
from workflows.definitions.step import StepDefinition
from workflows.engine.attempts.closures import Codes, apart, code_below, knows_others
from workflows.engine.attempts.retry_policy import retry_policy
from workflows.engine.attempts.time_limit import Limit
from workflows.engine.session.drive_memory import CompletedStep
from workflows.engine.session.own_context import call_apart
from workflows.engine.session.session import Session


@dataclass(frozen=True, kw_only=True)
class Job:
    """A step to be run at a position: forward, or its compensation."""

    position: int
    step: StepDefinition
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    received: Received = NOTHING_NOTED
    undo: bool = False
    pool: str | None = None
    """Whose clusters run it; None: those of the workflow's pool."""
    around: Codes = ()
    """The code whose variables functions among the arguments, or the step itself, know."""

    def named(self) -> dict[str, Any]:
        """Return the arguments by name, defaults included."""
        bound = inspect.signature(self.step.function).bind(*self.args, **self.kwargs)
        bound.apply_defaults()
        return dict(bound.arguments)

    def __call__(self) -> Any:
        return call_apart(self.bound())

    def bound(self) -> Callable[[], Any]:
        """Return the function with copies of its arguments."""
        function = self.step.function
        if self.around:
            function = apart(function, self.around)
        if not self.args and not self.kwargs:
            return function
        args, kwargs = copied_arguments(self.args, self.kwargs)
        args = tuple(apart(each, self.around) for each in args)
        kwargs = {name: apart(each, self.around) for name, each in kwargs.items()}
        return partial(function, *args, **kwargs)


def forward_job(
    session: Session,
    position: int,
    step: StepDefinition,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Job:
    """Return the job of a step that the code calls with these arguments. Its key takes the place of
    the readings in them. Raises DefinitionError."""
    own_keys = False
    if session.keys.were_read:
        receiver = _receiver(session, position, step)
        refuse_in_function(step.function, receiver.name)
        (args, kwargs), own_keys = session.keys.given_to(receiver, (args, kwargs))
    return compared_job(session, position, step, args, kwargs, own_keys=own_keys)


def compared_job(
    session: Session,
    position: int,
    step: StepDefinition,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    *,
    own_keys: bool,
) -> Job:
    """Return the job of a step whose keys are in place. Raises ReplayMismatch where history has other
    arguments."""
    digests = None
    if step.compare_arguments:
        given = _given(step, args, kwargs)
        digests = {name: digest(value, renamed(session, position)) for name, value in given.items()}
        _compare(session, position, step, digests, given)
    if args or kwargs:
        session.generators.give((*args, *kwargs.values()), f"step {step.name!r}", position)
    return Job(
        position=position,
        step=step,
        args=args,
        kwargs=kwargs,
        pool=step.pool,
        received=Received(arguments=digests, own_keys=own_keys),
        around=_around(session, (step.function, *args, *kwargs.values())),
    )


def _around(session: Session, functions: Iterable[Any]) -> Codes:
    return code_below(session.definition.function) if any(map(knows_others, functions)) else ()


def renamed(session: Session, position: int) -> tuple[str, str] | None:
    """A fork has an id of its own; what the other run has done was given that one's."""
    origin = session.history.origin(position)
    return None if origin is None else (str(session.run.id), str(origin))


def _given(step: StepDefinition, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    given = step.signature.named(args, kwargs)
    # An action's check has filled the defaults in; a deploy may change them.
    return given if step.check is None else step.signature.without_defaults(given)


def _compare(
    session: Session,
    position: int,
    step: StepDefinition,
    digests: Digests,
    given: dict[str, Any],
) -> None:
    entry = session.history.outcome(position) or session.history.begun(position)
    recorded = None if entry is None else ARGUMENTS.find(entry)
    if recorded is None:
        return
    mismatch = difference(position, f"step {step.name!r}", recorded, digests, given)
    if mismatch is not None:
        raise session.unwind(mismatch)


def _receiver(session: Session, position: int, step: StepDefinition) -> Receiver:
    begun = session.history.begun(position)
    return Receiver(
        name=f"step {step.name!r}",
        position=position,
        as_before=begun is not None and not OWN_KEYS.find(begun),
    )


def limit_of(job: Job) -> Limit:
    """Return the limits of an attempt that begins now."""
    return Limit(job.step.timeout_seconds, job.step.heartbeat_seconds)


def note_completed(session: Session, job: Job) -> None:
    """Remember a completed step for the case that it must be undone: with what it was given, whatever
    the code does with that afterwards."""
    if job.step.compensate is not None and not job.undo:
        args, kwargs = copied_arguments(job.args, job.kwargs)
        session.undoable.append(
            CompletedStep(position=job.position, step=job.step, args=args, kwargs=kwargs)
        )


def note_cleanup(session: Session, job: Job) -> None:
    """Remember a step that is to run when the run ends: with what it was given here."""
    args, kwargs = copied_arguments(job.args, job.kwargs)
    session.undoable.append(
        CompletedStep(position=job.position, step=job.step, args=args, kwargs=kwargs, cleanup=True)
    )


def describe_attempt(session: Session, job: Job) -> StepInfo:
    """Return what the step may ask about the attempt that begins now."""
    history, whose = session.history, session.id_at(job.position)
    number = history.failed_attempts(job.position) + 1
    if job.undo:
        number = history.undo_attempt(job.position)
        if history.is_cleanup(job.position):
            whose = session.run.id  # a fork cleans up behind itself, whoever has said it
    return StepInfo(
        run_id=session.run.id,
        name=job.step.name,
        position=job.position,
        attempt=number,
        attempts=retry_policy(job.step).attempts,
        idempotency_key=step_key(whose, job.position, undo=job.undo),
        heartbeat=None if job.undo else _last_heartbeat(session, job.position),
        baggage={} if session.run.baggage == "{}" else loads(session.run.baggage),
    )


def _last_heartbeat(session: Session, position: int) -> Any:
    """Return the details of the step's last heartbeat: of an attempt that failed, from history; of
    one that was lost with its worker, from the run."""
    beat, failure = read_beat(session.run.heartbeat), session.history.last_failure(position)
    shown = beat if beat is not None and beat.position == position else None
    if shown is not None and (failure is None or shown.at > failure.at):
        return shown.details
    return None if failure is None else HEARTBEAT.find(failure)
