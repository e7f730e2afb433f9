"""Actions: steps under a public name, their parameters checked and described by annotations."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import FunctionType
from typing import Any

from pydantic import BaseModel, ConfigDict, PydanticUserError, ValidationError, create_model

from workflows.core.errors import DefinitionError, InvalidInput
from workflows.core.retry import RetryPolicy
from workflows.definitions.functions import where
from workflows.definitions.step import MakeStep, StepDefinition, publish, step, step_definition

ISOLATION_LEVELS = ("repeatable read", "serializable")


@dataclass(frozen=True, kw_only=True)
class Action:
    """What is known of a registered action."""

    name: str
    description: str
    step: StepDefinition
    parameters: type[BaseModel]

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of the parameters."""
        return self.parameters.model_json_schema()

    def check(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return the parameters with their types and defaults. Raises InvalidInput, naming each
        that is missing, unknown or wrong."""
        try:
            checked = self.parameters.model_validate(given)
        except ValidationError as exc:
            faults = "; ".join(
                f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in exc.errors()
            )
            raise InvalidInput(f"action {self.name!r}: {faults}") from None
        return {name: getattr(checked, name) for name in self.parameters.model_fields}


_actions: dict[str, Action] = {}


def action(
    name: str,
    *,
    description: str = "",
    isolation: str | None = None,
    atomic: bool = False,
    timeout_seconds: float | None = None,
) -> MakeStep:
    """Register a step under a public name, to be called as run.actions.<name>(…) or execute_action.

    It is executed at most once per key: an attempt that was lost with its worker fails as in doubt
    and is not repeated. An atomic action may be repeated, since a lost attempt left nothing;
    isolation ("repeatable read" or "serializable") makes it atomic, and what PostgreSQL refuses
    to serialize is tried again.
    """
    if not isinstance(name, str):
        raise DefinitionError('name the action: @action("send_letter", description="…")')
    if not name.isidentifier():
        raise DefinitionError(f"action {name!r}: give a name that can follow `run.actions.`")
    if isolation is not None and isolation not in ISOLATION_LEVELS:
        raise DefinitionError(f"action {name!r}: isolation is one of {', '.join(ISOLATION_LEVELS)}")

    def register(function: Callable[..., Any]) -> Any:
        is_step = hasattr(function, "step_definition")  # then it has options of its own
        before = step_definition(function if is_step else step(function))
        known = _actions.get(name)
        if known is not None and not _is_same(known.step.function, before.function):
            other = where(known.step.function)
            raise DefinitionError(f"action {name!r} is already {other}; give this another name")
        is_atomic = atomic or before.atomic or isolation is not None
        found = Action(
            name=name,
            description=description or inspect.getdoc(function) or "",
            step=replace(
                before,
                name=name,
                isolation=isolation,
                atomic=is_atomic,
                at_most_once=not is_atomic,
                retry=_retry(before if is_step else None, is_atomic),
                timeout_seconds=timeout_seconds or before.timeout_seconds,
            ),
            parameters=_parameters(name, before),
        )
        found = replace(found, step=replace(found.step, check=found.check))
        _actions[name] = found
        return publish(found.step)

    return register


def _is_same(known: FunctionType, function: FunctionType) -> bool:
    """Say whether this is the same function, of a module that was imported twice."""
    return where(known) == where(function) and known.__code__ == function.__code__


def _retry(own: StepDefinition | None, is_atomic: bool) -> RetryPolicy:
    if not is_atomic:
        return RetryPolicy(attempts=1)
    return own.retry if own else RetryPolicy(attempts=5, first_delay_seconds=0.1)


def is_action(name: str) -> bool:
    """Whether an action is registered under this name."""
    return name in _actions


def find_action(name: str) -> Action:
    """Return a registered action. Raises DefinitionError, which names those there are."""
    try:
        return _actions[name]
    except KeyError:
        known = ", ".join(sorted(_actions)) or "none is registered"
        raise DefinitionError(f"there is no action {name!r} ({known})") from None


class Actions:
    """run.actions: each registered action as a method of keyword parameters."""

    def __init__(self, run_step: Callable[[StepDefinition, dict[str, Any]], Any]) -> None:
        self._run_step = run_step

    def __getattr__(self, name: str) -> Callable[..., Any]:
        found = find_action(name)

        def call(*args: Any, **parameters: Any) -> Any:
            if args:
                raise InvalidInput(
                    f"action {name!r}: give the parameters by name: {name}({', '.join(found.parameters.model_fields)})"
                )
            return self._run_step(found.step, found.check(parameters))

        return call


def list_actions() -> list[Action]:
    """Return all registered actions by name."""
    return [_actions[name] for name in sorted(_actions)]


def _parameters(name: str, definition: StepDefinition) -> type[BaseModel]:
    fields: dict[str, Any] = {}
    try:
        parameters = inspect.signature(definition.function, eval_str=True).parameters.values()
        for each in parameters:
            if each.kind not in (each.KEYWORD_ONLY, each.POSITIONAL_OR_KEYWORD):
                raise DefinitionError(f"action {name!r}: every parameter has a name of its own")
            kind = Any if each.annotation is each.empty else each.annotation
            fields[each.name] = (kind, ... if each.default is each.empty else each.default)
        config = ConfigDict(extra="forbid", arbitrary_types_allowed=False)
        return create_model(f"{name}_parameters", __config__=config, **fields)
    except (NameError, PydanticUserError) as exc:
        why = str(exc).partition(". ")[0]
        raise DefinitionError(
            f"action {name!r}: an annotation cannot be used ({why}); take plain values, dataclasses "
            "or pydantic models, imported at run time"
        ) from None
