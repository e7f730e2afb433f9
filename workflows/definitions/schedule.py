"""The schedules of this process: the decorator, and name to rules."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from types import FunctionType
from typing import Any, Literal, TypeVar

from workflows.core.errors import DefinitionError, InvalidInput
from workflows.core.schedule import Overlap, Rules, overlap_of
from workflows.core.timing import Timing
from workflows.definitions.functions import where
from workflows.definitions.workflow import WorkflowDefinition

W = TypeVar("W", bound=Callable[..., Any])
OverlapName = Literal["skip", "queue one", "queue all", "cancel previous", "allow"]
LONGEST_NAME = 200


@dataclass(frozen=True, kw_only=True)
class DeclaredSchedule:
    """What @schedule says of a workflow."""

    name: str
    rules: Rules
    function: FunctionType


_declared: dict[str, DeclaredSchedule] = {}


def schedule(
    cron: str = "",
    *,
    zone: str = "UTC",
    every_seconds: float | None = None,
    at: datetime | None = None,
    name: str | None = None,
    input: Mapping[str, Any] | None = None,
    overlap: OverlapName | Overlap = Overlap.SKIP,
    catch_up_seconds: float = 3600.0,
    jitter_seconds: float = 0.0,
    pause_on_failure: bool = False,
) -> Callable[[W], W]:
    """Start a run of this workflow at each tick. It stands above @workflow.

    cron, zone        five fields, read in a time zone: "0 3 * * *", "Europe/Brussels"
    every_seconds     instead: at the multiples of so many seconds since 1970-01-01 00:00 UTC
    at                instead: once, at this aware moment
    name              the row's own, for ever; without it, the workflow's. A workflow with two
                      schedules needs it
    input             of every run, as JSON values that the parameters' annotations read
    overlap           what becomes of a tick while the run before it is open: "skip", "queue one",
                      "queue all", "cancel previous" or "allow"
    catch_up_seconds  a tick that could not be started for so long is missed; 10 at least
    jitter_seconds    runs start by chance up to so much later
    pause_on_failure  after a run that failed, nothing is started until somebody resumes

    A parameter `scheduled_for: datetime` is given the tick. Raises DefinitionError.
    """
    told = "@schedule" if name is None else f"schedule {name!r}"
    with _refusing(told):
        rules = Rules(
            workflow="",
            timing=Timing(cron=cron, zone=zone, every_seconds=every_seconds, at=at),
            input=dict(input or {}),
            overlap=overlap_of(overlap),
            catch_up_seconds=catch_up_seconds,
            jitter_seconds=jitter_seconds,
            pause_on_failure=pause_on_failure,
        )
    return partial(_declare, told, name, rules)


def declared_schedules() -> list[DeclaredSchedule]:
    """Return the schedules of this process's code."""
    return list(_declared.values())


def check_schedule_name(name: object) -> str:
    """Return a name that a schedule may have. Raises InvalidInput."""
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise InvalidInput(f"{name!r:.80} names no schedule; give 1 to {LONGEST_NAME} characters")
    return name


def refuse_subjects(definition: WorkflowDefinition, told: str) -> None:
    """Raise InvalidInput for a workflow whose runs each take a subject: a schedule names none."""
    if definition.one_per_subject:
        raise InvalidInput(
            f"{told}: {definition.name!r} has one run for each subject, and a schedule names none; let it "
            "start a workflow that starts this one by a step, with its subject"
        )


@contextmanager
def _refusing(told: str) -> Iterator[None]:
    """Let what cannot be be a mistake in the code."""
    try:
        yield
    except InvalidInput as exc:
        raise DefinitionError(f"{told}: {exc}") from None


def _declare(told: str, name: str | None, rules: Rules, function: W) -> W:
    definition = getattr(function, "workflow_definition", None)
    if not isinstance(definition, WorkflowDefinition):
        raise DefinitionError(f"{told}: put @schedule above @workflow")
    with _refusing(told):
        own_name = check_schedule_name(definition.name if name is None else name)
        refuse_subjects(definition, "its workflow")
    own = replace(rules, workflow=definition.name)
    _remember(DeclaredSchedule(name=own_name, rules=own, function=definition.function))
    return function


def _remember(declared: DeclaredSchedule) -> None:
    known = _declared.get(declared.name)
    if known is not None and where(known.function) != where(declared.function):
        raise DefinitionError(
            f"schedule {declared.name!r} is declared on {where(known.function)} already; "
            'give this one another name: @schedule(…, name="…")'
        )
    _declared[declared.name] = declared
