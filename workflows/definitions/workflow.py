"""The workflows of this process: the decorator, and name and version to function."""

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from types import FunctionType
from typing import Any, Literal, ParamSpec, TypeVar, cast

from workflows.core.codec import Signature
from workflows.core.errors import DefinitionError, DuplicateWorkflow, UnknownWorkflow
from workflows.core.time_checks import check_limit
from workflows.definitions.functions import check_parameters, plain_function, where

P = ParamSpec("P")
R = TypeVar("R")

UNNAMED = "…"
"""In place of a name that was not given."""
OnEnd = Literal["stop", "compensate"]


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


_workflows: dict[tuple[str, int], WorkflowDefinition] = {}


def workflow(
    name: str = UNNAMED,
    version: int = 1,
    *,
    on_failure: OnEnd = "stop",
    on_cancel: OnEnd = "stop",
    deadline_seconds: float | None = None,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Register a function `(run: Context, **input) -> output` under a name and version.

    name                   the runs' own, for ever; without it, the module's and the function's:
                           name a workflow before you move or rename it
    on_failure, on_cancel  "compensate" undoes the completed steps that say how, the last first
    deadline_seconds       a run that has not ended by then fails with DeadlineExceeded

    The function is replayed from its top after every wait and crash: it may look only at its
    input, at what `run` returns, and compute. Raises DuplicateWorkflow.
    """
    _check_name(name)
    told = "a workflow" if name is UNNAMED else f"workflow {name!r}"
    if not isinstance(version, int) or version < 1:
        raise DefinitionError(f"{told}: version is {version!r}; give 1 or more")
    for option, value in {"on_failure": on_failure, "on_cancel": on_cancel}.items():
        if value not in ("stop", "compensate"):
            raise DefinitionError(f'{told}: {option} is "stop" or "compensate"')
    check_limit(f"{told}: deadline_seconds", deadline_seconds)

    def register(function: Callable[P, R]) -> Callable[P, R]:
        plain = plain_function(function)
        own_name = where(plain) if name is UNNAMED else name
        check_parameters(own_name, plain)
        _check_free(own_name, version, plain)
        definition = WorkflowDefinition(
            name=own_name,
            version=version,
            function=plain,
            signature=Signature(plain, skip_first=True),
            on_failure=on_failure,
            on_cancel=on_cancel,
            deadline_seconds=deadline_seconds,
        )
        _workflows[own_name, version] = definition
        plain.workflow_definition = definition  # type: ignore[attr-defined]
        return function

    return register


def _check_name(name: Any) -> None:
    if not isinstance(name, str) or not name:
        raise DefinitionError('name the workflow: @workflow("app.verb")')


def _check_free(name: str, version: int, function: FunctionType) -> None:
    known = _workflows.get((name, version))
    if known and where(known.function) != where(function):
        raise DuplicateWorkflow(
            f"workflow {name!r} version {version} is already {where(known.function)}; "
            "give the new one another name or version"
        )


def known_code() -> tuple[list[str], list[int]]:
    """Return the names and versions, pairwise, of the workflows this process has code for."""
    return [name for name, _ in _workflows], [version for _, version in _workflows]


def latest_version(name: str) -> int:
    """Return the newest version of a workflow this process has code for."""
    return max(version for known, version in _workflows if known == name)


def find_workflow(name: str, version: int) -> WorkflowDefinition | None:
    """Return the code for a name and version, None when this process has none."""
    return _workflows.get((name, version))


def workflow_definition(function: Callable[..., Any] | str) -> WorkflowDefinition:
    """Return what @workflow registered: for a function, or the newest version of a name.
    Raises UnknownWorkflow."""
    if isinstance(function, str):
        return _newest(function)
    definition = getattr(function, "workflow_definition", None)
    if definition is None:
        name = getattr(function, "__qualname__", repr(function))
        raise UnknownWorkflow(f'{name} is not a workflow: decorate it with @workflow("name")')
    return cast(WorkflowDefinition, definition)


def _newest(name: str) -> WorkflowDefinition:
    versions = [version for known, version in _workflows if known == name]
    if not versions:
        near = get_close_matches(name, {known for known, _ in _workflows}, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else "; is its app installed?"
        raise UnknownWorkflow(f"there is no workflow {name!r}{hint}")
    return _workflows[name, max(versions)]
