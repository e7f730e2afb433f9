"""What @workflow is told, checked."""

from collections.abc import Mapping
from typing import Any

from workflows.core.codec import is_name
from workflows.core.errors import DefinitionError, InvalidInput
from workflows.core.payload_type import PayloadType, payload_type
from workflows.core.pool import check_pool
from workflows.core.run_labels import owner_of, tags_of
from workflows.core.time_checks import check_limit

UNNAMED = "…"
"""In place of a name that was not given."""
MOST_CRASHES = 1_000_000


def check_options(told: str, fails_on: Any, pool: Any, deadline_seconds: Any, **ends: Any) -> None:
    check_pool(told, pool)
    check_limit(f"{told}: deadline_seconds", deadline_seconds)
    if not isinstance(fails_on, tuple) or not all(
        isinstance(each, type) and issubclass(each, Exception) for each in fails_on
    ):
        raise DefinitionError(f"{told}: write fails_on=(KeyError,), a tuple of exception classes")
    for option, value in ends.items():
        if value not in ("stop", "compensate"):
            raise DefinitionError(f'{told}: {option} is "stop" or "compensate"')


def labels(told: str, description: Any, tags: Any, owner: Any, max_crashes: Any) -> dict[str, Any]:
    if not isinstance(description, str):
        raise DefinitionError(f"{told}: description is a text")
    is_count = isinstance(max_crashes, int) and not isinstance(max_crashes, bool)
    if max_crashes is not None and not (is_count and 0 < max_crashes <= MOST_CRASHES):
        raise DefinitionError(f"{told}: max_crashes is a whole number, 1 or more, or None")
    try:
        found = {"tags": tags_of(tags), "owner": owner_of(owner)}
    except InvalidInput as exc:
        raise DefinitionError(f"{told}: {exc}") from None
    return {"description": description, "max_crashes": max_crashes, **found}


def event_types(told: str, events: Any) -> Mapping[str, PayloadType]:
    if not isinstance(events, Mapping) or not all(is_name(each) for each in events):
        raise DefinitionError(f'{told}: write events={{"name": Type, …}}')
    try:
        return {name: payload_type(annotation) for name, annotation in events.items()}
    except DefinitionError as exc:
        raise DefinitionError(f"{told}: events: {exc}") from None


def told_as(name: Any, version: Any) -> str:
    """Return how errors name the workflow. Raises DefinitionError for what is no name or version."""
    if not isinstance(name, str) or not name:
        raise DefinitionError('name the workflow: @workflow("app.verb")')
    told = "a workflow" if name is UNNAMED else f"workflow {name!r}"
    if not isinstance(version, int) or version < 1:
        raise DefinitionError(f"{told}: version is {version!r}; give 1 or more")
    return told
