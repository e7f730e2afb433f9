"""The workflows of this process: the decorator, and name and version to function."""

import functools
import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import partial
from types import FunctionType
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, Unpack, cast

from workflows.core.codec import loads
from workflows.core.errors import (
    DuplicateWorkflow,
    InvalidInput,
    UnknownWorkflow,
    ValueNotStorable,
)
from workflows.core.limit import Declared
from workflows.core.payload_type import PayloadType
from workflows.core.pool import DEFAULT_POOL
from workflows.core.programming_errors import Errors
from workflows.core.retry import RetryPolicy
from workflows.core.signature import Signature
from workflows.definitions.functions import (
    RunContext,
    check_parameters,
    is_wrapped,
    plain_function,
    refuse_bound_method,
    refuse_other,
    where,
)
from workflows.definitions.limit import declare
from workflows.definitions.workflow_options import (
    UNNAMED,
    OnEnd,
    WorkflowOptions,
    read_options,
    told_as,
)

P = ParamSpec("P")
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
C = TypeVar("C", bound=RunContext)


@dataclass(frozen=True, kw_only=True)
class WorkflowDefinition:
    """A workflow function and what the engine knows of it."""

    name: str
    version: int
    function: FunctionType
    signature: Signature
    on_failure: OnEnd = "stop"
    on_cancel: OnEnd = "stop"
    deadline_seconds: float | None = None
    pool: str = DEFAULT_POOL
    """Clusters that serve this one drive its runs."""
    fails_on: Errors = ()
    """Programming errors that end a run, instead of blocking it until they are mended."""
    events: Mapping[str, PayloadType] = field(default_factory=dict)
    """What the payloads of these events are."""
    limits: tuple[Declared, ...] = ()
    """Taken by a run from its first drive to its end."""
    description: str = ""
    tags: tuple[str, ...] = ()
    owner: str = ""
    max_crashes: int | None = None
    one_per_subject: bool = False
    key_free_at_end: bool = False
    retry: RetryPolicy | None = None
    """When a run that has failed is tried again, as the next of its chain."""

    def by_name(self, given: tuple[Any, ...], input: dict[str, Any]) -> dict[str, Any]:
        """Return input with what was given by place under its parameters' names, as it is kept.
        Raises InvalidInput."""
        if not given:
            return input
        parameters = list(inspect.signature(self.function).parameters.values())[1:]
        by_place = [each.name for each in parameters if each.kind == each.POSITIONAL_OR_KEYWORD]
        named = dict(zip(by_place, given, strict=False))
        if len(given) > len(by_place) or named.keys() & input.keys():
            raise InvalidInput(
                f"input of {self.name!r}: {len(given)} given by place do not fit "
                f"{self.signature}; give each parameter once"
            )
        return {**named, **input}


class Workflow(Protocol[P, R_co]):
    """A decorated function, as type checkers see it: its input P (without the run) and its result
    R."""

    __name__: str
    workflow_definition: WorkflowDefinition

    def __call__(self, run: Any, /, *args: P.args, **kwargs: P.kwargs) -> R_co: ...


_workflows: dict[tuple[str, int], WorkflowDefinition] = {}


def workflow(
    name: str = UNNAMED, version: int = 1, **options: Unpack[WorkflowOptions]
) -> Callable[[Callable[Concatenate[C, P], R]], Workflow[P, R]]:
    """Register a function `(run: Context, **input) -> output` under a name and version.

    name is the runs' own, for ever; without it, the module's and the function's: name a workflow
    before you move or rename it. The options are those of WorkflowOptions.

    The function is replayed from its top after every wait and crash: it may look only at its
    input, at what `run` returns, and compute. Raises DuplicateWorkflow, DefinitionError.
    """
    told = told_as(name, version)
    return partial(_register, name, version, read_options(told, options))


def _register(
    name: str,
    version: int,
    options: dict[str, Any],
    function: Callable[Concatenate[C, P], R],
) -> Workflow[P, R]:
    plain = plain_function(function)
    own_name = _own_name(name, plain)
    signature = Signature(plain, skip_first=True)
    options = {**options, "description": options["description"] or inspect.getdoc(plain) or ""}
    told, concurrency = f"workflow {own_name!r}", options.pop("concurrency")
    _remember(
        WorkflowDefinition(
            name=own_name,
            version=version,
            function=plain,
            signature=signature,
            limits=declare(told, signature, own_name, concurrency=concurrency, of_runs=True),
            **options,
        )
    )
    return cast(Workflow[P, R], function)


def _own_name(name: str, function: FunctionType) -> str:
    own_name = where(function) if name is UNNAMED else name
    check_parameters(own_name, function)
    return own_name


def _remember(definition: WorkflowDefinition) -> None:
    _check_free(definition.name, definition.version, definition.function)
    _workflows[definition.name, definition.version] = definition
    definition.function.workflow_definition = definition  # type: ignore[attr-defined]


def _check_free(name: str, version: int, function: FunctionType) -> None:
    known = _workflows.get((name, version))
    if known and where(known.function) != where(function):
        raise DuplicateWorkflow(
            f"workflow {name!r} version {version} is already {where(known.function)}; "
            "give the new one another name or version"
        )


def known_code() -> tuple[list[str], list[int]]:
    """Return the names and versions, pairwise, of the workflows this process has code for."""
    return _pairwise(tuple(_workflows))


@functools.lru_cache(maxsize=8)
def _pairwise(known: tuple[tuple[str, int], ...]) -> tuple[list[str], list[int]]:
    """Asked before each claim."""
    return [name for name, _ in known], [version for _, version in known]


def code_of_pools(pools: Collection[str]) -> tuple[list[str], list[int]]:
    """Return the names and versions, pairwise, of the workflows of these pools that this process has
    code for."""
    found = [key for key, definition in _workflows.items() if definition.pool in pools]
    return [name for name, _ in found], [version for _, version in found]


def workflow_pools() -> set[str]:
    """Return the pools of the workflows that this process has code for, and the default."""
    return {DEFAULT_POOL, *(definition.pool for definition in _workflows.values())}


def named_pool(name: str, version: int) -> str | None:
    """Return the pool that a workflow's code names; None: it is the default, or there is no code here."""
    definition = _workflows.get((name, version))
    return None if definition is None or definition.pool == DEFAULT_POOL else definition.pool


def newest_definition(name: str) -> WorkflowDefinition:
    """Return the newest version of a workflow this process has code for; it has some."""
    return _workflows[name, max(version for known, version in _workflows if known == name)]


def find_workflow(name: str, version: int) -> WorkflowDefinition | None:
    """Return the code for a name and version, None when this process has none."""
    return _workflows.get((name, version))


def unfit_for(name: str, payload: str) -> dict[tuple[str, int], str]:
    """Return the workflows and versions, of those this process has code for, whose event of this
    name cannot bring this JSON text, each with the reason."""
    unfit = {}
    for key, definition in _workflows.items():
        if name in definition.events:
            try:
                definition.events[name].read(loads(payload))
            except ValueNotStorable as exc:
                unfit[key] = str(exc)
    return unfit


def workflow_definition(function: Callable[..., Any] | str) -> WorkflowDefinition:
    """Return what @workflow registered: for a function, or the newest version of a name.
    Raises UnknownWorkflow."""
    if isinstance(function, str):
        return _newest(function)
    refuse_bound_method(function, what="workflow")
    definition = getattr(function, "workflow_definition", None)
    if definition is None:
        name = getattr(function, "__qualname__", f"{function!r:.80}")
        raise UnknownWorkflow(f'{name} is not a workflow: decorate it with @workflow("name")')
    refuse_other(function, definition.function, decorator="@workflow")
    return cast(WorkflowDefinition, definition)


def wrapped_workflows() -> list[FunctionType]:
    """Return the workflows above whose decorator their modules have another."""
    return [
        each.function
        for each in _workflows.values()
        if is_wrapped(each.function, "workflow_definition", each)
    ]


def _newest(name: str) -> WorkflowDefinition:
    versions = [version for known, version in _workflows if known == name]
    if not versions:
        near = get_close_matches(name, {known for known, _ in _workflows}, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else "; is its app installed?"
        raise UnknownWorkflow(f"there is no workflow {name!r}{hint}")
    return _workflows[name, max(versions)]
