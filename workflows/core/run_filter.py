"""Which runs somebody means: the same words for lists and for verbs on many runs."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any, TypedDict

from workflows.core.error_kind import ErrorKind
from workflows.core.run import RunId
from workflows.core.states import RunState


class RunFilter(TypedDict, total=False):
    """What must be true of a run, all of it: keywords, or a dictionary to be handed on as `**filter`.

    What is None says nothing. Times are aware.
    """

    workflow: Callable[..., Any] | str | None
    """Its function or its name."""
    version: int | None
    state: RunState | str | Collection[str] | None
    """One, or one of several."""
    id: RunId | Collection[RunId] | None
    key: str | None
    owner: str | None
    tenant: str | None
    tags: Collection[str] | str | None
    """All of these, perhaps among others."""
    subject: object
    """A row of the database, or the text."""
    attributes: Mapping[str, Any] | None
    """These, perhaps among others."""
    parent: RunId | None
    error: str | None
    """In the type or the message of its error, in capitals or not."""
    error_kind: ErrorKind | str | None
    step: str | None
    """At this step: it is under way, waits for its next attempt, or has failed last."""
    created_since: datetime | None
    created_before: datetime | None
    ended_since: datetime | None
    ended_before: datetime | None
