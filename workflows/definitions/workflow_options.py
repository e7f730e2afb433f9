"""What @workflow is told, checked."""

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from types import MappingProxyType, UnionType
from typing import Any, Literal, TypedDict

from workflows.core.codec import is_name
from workflows.core.errors import DefinitionError, InvalidInput
from workflows.core.limit import Limit
from workflows.core.payload_type import PayloadType, payload_type
from workflows.core.pool import DEFAULT_POOL, check_pool
from workflows.core.programming_errors import Errors
from workflows.core.retry import RetryPolicy
from workflows.core.run_labels import owner_of, tags_of
from workflows.core.time_checks import check_limit

OnEnd = Literal["stop", "compensate"]
UNNAMED = "…"
"""In place of a name that was not given."""
MOST_CRASHES = 1_000_000


class WorkflowOptions(TypedDict, total=False):
    """What @workflow may say besides name and version."""

    on_failure: OnEnd
    """"compensate" undoes the completed steps that say how, the last first."""
    on_cancel: OnEnd
    deadline_seconds: float | None
    """A run that has not ended by then fails with DeadlineExceeded."""
    pool: str
    """Its runs go to clusters that serve this pool (`runcluster --pool gpu`)."""
    fails_on: Errors
    """Errors that tell a mistake in the code (KeyError, TypeError, …) block a run until it is mended;
    those named here fail it, as any other does."""
    events: Mapping[str, type[Any] | UnionType]
    """What its events bring, by name: {"address": Address}. What does not fit is refused by send_event
    where this code is known; else it blocks the run."""
    concurrency: Limit | tuple[Limit, ...] | None
    """How many runs at once, from the first drive to the end: Limit(5, by="tenant")."""
    description: str
    """For people; without it, the function's docstring."""
    tags: Collection[str]
    """Of every run, so that people find it: list_runs(tags=["night"]). owner likewise."""
    owner: str
    max_crashes: int | None
    """In the place of the setting, for runs that start from then on."""
    one_per_subject: bool
    """start wants a subject, and raises SubjectTaken while a run of it is open."""
    key_free_at_end: bool
    """The key of a run that has ended starts another."""
    retry: RetryPolicy | None
    """A run that has failed, and has undone its steps where it does so, is tried again from its start: as a
    new run of its chain, with keys of its own. attempts counts the tries, the first included."""


_UNSAID = WorkflowOptions(
    on_failure="stop",
    on_cancel="stop",
    deadline_seconds=None,
    pool=DEFAULT_POOL,
    fails_on=(),
    events=MappingProxyType({}),
    concurrency=None,
    description="",
    tags=(),
    owner="",
    max_crashes=None,
    one_per_subject=False,
    key_free_at_end=False,
    retry=None,
)


def read_options(told: str, given: WorkflowOptions) -> dict[str, Any]:
    """Return every option, as the definition keeps it. Raises DefinitionError."""
    for name in given:
        if name not in _UNSAID:
            near = get_close_matches(name, _UNSAID, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise DefinitionError(f"{told}: @workflow takes no {name}{hint}")
    options: dict[str, Any] = {**_UNSAID, **given}
    _check(told, **options)
    options["events"] = _event_types(told, options["events"])
    try:
        options["tags"], options["owner"] = tags_of(options["tags"]), owner_of(options["owner"])
    except InvalidInput as exc:
        raise DefinitionError(f"{told}: {exc}") from None
    return options


def _check(
    told: str,
    *,
    fails_on: Any,
    pool: Any,
    deadline_seconds: Any,
    description: Any,
    max_crashes: Any,
    retry: Any,
    **rest: Any,
) -> None:
    check_pool(told, pool)
    check_limit(f"{told}: deadline_seconds", deadline_seconds)
    if not isinstance(fails_on, tuple) or not all(
        isinstance(each, type) and issubclass(each, Exception) for each in fails_on
    ):
        raise DefinitionError(f"{told}: write fails_on=(KeyError,), a tuple of exception classes")
    for option in ("on_failure", "on_cancel"):
        if rest[option] not in ("stop", "compensate"):
            raise DefinitionError(f'{told}: {option} is "stop" or "compensate"')
    if not isinstance(retry, RetryPolicy | None):
        raise DefinitionError(f"{told}: retry is {retry!r:.80}; give a RetryPolicy")
    if not isinstance(description, str):
        raise DefinitionError(f"{told}: description is a text")
    is_count = isinstance(max_crashes, int) and not isinstance(max_crashes, bool)
    if max_crashes is not None and not (is_count and 0 < max_crashes <= MOST_CRASHES):
        raise DefinitionError(f"{told}: max_crashes is a whole number, 1 or more, or None")


def _event_types(told: str, events: Any) -> Mapping[str, PayloadType]:
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
