"""What callers give as a filter of runs, checked and made plain."""

from collections.abc import Callable, Collection, Mapping
from difflib import get_close_matches
from typing import Any
from uuid import UUID

from workflows.core.codec import shown
from workflows.core.error_kind import ErrorKind
from workflows.core.errors import DefinitionError, InvalidInput
from workflows.core.run import RunView, run_id_of
from workflows.core.run_filter import RunFilter
from workflows.core.run_labels import subject_of, tags_of
from workflows.core.states import RunState
from workflows.core.time_checks import sensible_moment
from workflows.definitions.workflow import workflow_definition


def read_filter(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a RunFilter as plain values, without what says nothing. Raises InvalidInput, RunNotFound,
    UnknownWorkflow."""
    for name in given:
        if name not in RunFilter.__annotations__:
            near = get_close_matches(str(name), RunFilter.__annotations__, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise InvalidInput(f"runs have no {shown(name)} to find them by{hint}")
    told = {name: value for name, value in given.items() if value is not None}
    read = {name: _reader(name)(name, value) for name, value in told.items()}
    return {name: value for name, value in read.items() if value or name not in _ALL_OF}


def read_limit(limit: int | None) -> int | None:
    """Return how many runs somebody wants at most; None: all. Raises InvalidInput."""
    if limit is not None and (type(limit) is not int or limit < 0):
        raise InvalidInput(f"limit is {shown(limit)}; give a whole number from 0")
    return limit


_ALL_OF = frozenset({"tags", "attributes"})
"""A run has all of these: where there are none, every run has, and nothing is said."""


def _reader(name: str) -> Callable[[str, Any], Any]:
    return _READ.get(name, _text)


def _text(name: str, given: Any) -> str:
    if not isinstance(given, str):
        raise InvalidInput(f"{name} is {shown(given)}; give a text")
    return given.replace("\x00", "")


def _workflow(_: str, given: Callable[..., Any] | str) -> str:
    return given if isinstance(given, str) else workflow_definition(given).name


def _version(_: str, given: Any) -> int:
    if not isinstance(given, int):
        raise InvalidInput(f"version is {shown(given)}; give a whole number")
    return given


def _states(_: str, given: str | Collection[str]) -> list[str]:
    states = [given] if isinstance(given, str) else list(given)
    for state in states:
        if state not in RunState.values:
            raise InvalidInput(f"there is no state {state!r}; it is one of {', '.join(RunState)}")
    return states


def _error_kind(_: str, given: Any) -> str:
    if given not in ErrorKind.values:
        kinds = ", ".join(ErrorKind.values)
        raise InvalidInput(f"there is no kind of error {shown(given)}; it is one of {kinds}")
    return str(ErrorKind(given).value)


def _ids(_: str, given: Any) -> list[UUID]:
    one = isinstance(given, str | UUID | RunView)
    return [run_id_of(each) for each in ([given] if one else given)]


def _tags(_: str, given: Any) -> list[str]:
    return list(tags_of([given] if isinstance(given, str) else given))


def _attributes(_: str, given: Any) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise InvalidInput(f"attributes are {shown(given)}; give a dictionary")
    return dict(given)


def _moment(name: str, given: Any) -> Any:
    try:
        return sensible_moment(name, given)
    except DefinitionError as exc:
        raise InvalidInput(str(exc)) from None


_READ: Mapping[str, Callable[[str, Any], Any]] = {
    "workflow": _workflow,
    "version": _version,
    "state": _states,
    "id": _ids,
    "error_kind": _error_kind,
    "tags": _tags,
    "subject": lambda _, given: subject_of(given),
    "attributes": _attributes,
    "parent": lambda _, given: run_id_of(given),
    "created_since": _moment,
    "created_before": _moment,
    "ended_since": _moment,
    "ended_before": _moment,
}
"""How each is read; what is not here is a text."""
