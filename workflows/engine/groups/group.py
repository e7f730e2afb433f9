"""Calls that are made together: what gather and graph are given, and how far each is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar, cast

from workflows.core.codec import is_name
from workflows.core.dependencies import check_graph
from workflows.core.errors import DefinitionError, InvalidInput, StepFailed
from workflows.definitions.step import StepDefinition
from workflows.engine.attempts.step_job import Job

OnError = Literal["stop", "continue", "compensate"]
Results = dict[str, Any]
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


@dataclass(frozen=True, kw_only=True)
class Output:
    """Stands for the result of another call of the same graph, among a call's arguments."""

    name: str


@dataclass(frozen=True, kw_only=True)
class Call(Generic[R_co]):
    """A step with its arguments, not run yet. R_co: what it returns, for type checkers."""

    step: StepDefinition
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    after: tuple[str, ...] = ()

    @property
    def needs(self) -> tuple[str, ...]:
        """The calls that must have completed: those named, and those whose results it takes."""
        taken = (*self.args, *self.kwargs.values())
        return (*self.after, *(each.name for each in taken if isinstance(each, Output)))

    def filled(self, values: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments, with the results of other calls in their places."""

        def fill(argument: Any) -> Any:
            return values[argument.name] if isinstance(argument, Output) else argument

        args = tuple(fill(each) for each in self.args)
        return args, {name: fill(value) for name, value in self.kwargs.items()}


class Found(dict[str, Any]):
    """What a graph's calls returned, by name."""

    def __init__(self, calls: Mapping[str, Call[Any]], results: Results) -> None:
        super().__init__(results)
        self._calls = calls

    def of(self, call: Call[R]) -> R:
        """Return the result of one of the graph's calls, as type checkers know it. Raises the
        StepFailed it ended with, KeyError where it was not run."""
        name = next((name for name, each in self._calls.items() if each is call), None)
        if name is None:
            told = call.step.name if isinstance(call, Call) else call
            raise DefinitionError(
                f"{told!r:.80} is no call of this graph: give what run.call returned, or take found[name]"
            )
        if isinstance(self[name], StepFailed):
            raise self[name]
        return cast(R, self[name])


@dataclass(kw_only=True, eq=False)
class Branch:
    """One call of the group, and how far it is."""

    name: str
    position: int
    call: Call[Any]
    own_keys: bool = False
    """Its key took the place of a reading of run.idempotency_key."""
    job: Job | None = None
    """Once all that it needs is there."""
    value: Any = None
    error: StepFailed | None = None
    retry_at: datetime | None = None
    started: bool = False
    completed: bool = False

    @property
    def ended(self) -> bool:
        """Whether it needs no further attempt."""
        return self.error is not None or self.completed


class Group:
    """A gather or graph under way: which branches are left, and what the others returned."""

    def __init__(self, branches: list[Branch], *, limit: int, on_error: OnError) -> None:
        self.branches, self.limit, self.on_error = branches, limit, on_error
        self.values: dict[str, Any] = {}
        """The results of the completed ones, by name."""
        self._left = {each.name: each for each in branches}
        self._failed = False

    def complete(self, branch: Branch, value: Any) -> None:
        """Take in a result."""
        branch.completed, branch.value = True, value
        self.values[branch.name] = value
        del self._left[branch.name]

    def fail(self, branch: Branch, error: StepFailed) -> None:
        """Take in a failure for good."""
        branch.error = error
        self._failed = True
        del self._left[branch.name]

    def open(self) -> Iterator[Branch]:
        """Yield the branches that have yet to run, or to run again, and can, in their order.
        Nothing more may start once a branch has failed, unless the group goes on."""
        if self._failed and self.on_error != "continue":
            return
        for branch in self._left.values():
            if not branch.started and self.values.keys() >= set(branch.call.needs):
                yield branch


def check_group_limit(limit: Any) -> None:
    """Raise DefinitionError for a number of things at once that is none."""
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise DefinitionError(f"a limit of {limit!r:.80}; give a whole number of 1 or more")


def check_calls(calls: Mapping[str, Call[Any]], limit: int, on_error: OnError) -> None:
    """Raise DefinitionError for calls that cannot be made together."""
    check_group_limit(limit)
    if on_error not in ("stop", "continue", "compensate"):
        raise DefinitionError(f'on_error is {on_error!r}; give "stop", "continue" or "compensate"')
    for name, call in calls.items():
        if not is_name(name):
            raise DefinitionError(f"the name of a call is {name!r:.80}; give a text")
        if not isinstance(call, Call):
            told = f"{name!r} is no call: write run.call(step, …)"
            raise DefinitionError(f"{told} in the place of {call!r:.80}")
        _ = call.step.signature.result  # a wrong annotation is told before anything runs
    check_graph({name: call.needs for name, call in calls.items()})


def checked(
    step: StepDefinition, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[StepDefinition, tuple[Any, ...], dict[str, Any]]:
    """Return a step with its arguments, those of an action with their types and defaults. What is
    not known yet (run.output) is left as it is. Raises InvalidInput."""
    if step.check is None or any(isinstance(each, Output) for each in (*args, *kwargs.values())):
        return step, args, kwargs
    try:
        given = step.signature.by_name(args, kwargs)
    except TypeError as exc:
        raise InvalidInput(f"action {step.name!r}: {exc}") from None
    return step, (), step.check(given)


def check_arguments(
    step: StepDefinition,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    *,
    in_graph: bool = False,
) -> None:
    """Raise DefinitionError for arguments that a step cannot take, and for a result that could never
    come back, before it is tried."""
    if step.signature.result.loss:
        raise DefinitionError(f"step {step.name!r} cannot return {step.signature.result.loss}")
    for each in (*args, *kwargs.values()):
        if in_graph and isinstance(each, Output):
            continue
        if any(isinstance(part, Output | Call) for part in _parts(each)):
            raise DefinitionError(
                f"step {step.name!r}: run.output(…) stands for a result as an argument of its own "
                "inside run.graph; hand on the result itself"
            )
    try:
        step.signature.refuse_unfit(args, kwargs)
    except TypeError as exc:
        raise DefinitionError(f"step {step.name}{step.signature}: {exc}") from None


def _parts(argument: Any) -> Iterator[Any]:
    """Yield what an argument holds, at any depth; itself, where it holds nothing."""
    left, seen = [argument], set[int]()
    while left:
        part = left.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        if isinstance(part, Mapping):
            left.extend(part.values())
        elif isinstance(part, list | tuple | set | frozenset):
            left.extend(part)
        elif is_dataclass(part) and not isinstance(part, type | Output | Call):
            left.extend(getattr(part, each.name, None) for each in fields(part))
        else:
            yield part


def make_group(
    first: int, calls: Mapping[str, Call[Any]], *, limit: int, on_error: OnError
) -> Group:
    """Return the group whose branches take the positions from first on."""
    branches = [
        Branch(name=name, position=first + number, call=call)
        for number, (name, call) in enumerate(calls.items())
    ]
    return Group(branches, limit=limit, on_error=on_error)
