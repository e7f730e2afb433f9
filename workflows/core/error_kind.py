"""What kind of error it was: told apart in history, on runs, in filters and in retry policies."""

from typing import Any

from django.db.models import TextChoices

from workflows.core.errors import (
    ChildFailed,
    DeadlineExceeded,
    Permanent,
    StepFailed,
    Transient,
    WaitTimedOut,
    WorkflowError,
)
from workflows.core.programming_errors import PROGRAMMING_ERRORS


class ErrorKind(TextChoices):
    """Who is to do something about it, and what."""

    BUSINESS = "business"
    """Meant: a `Permanent`, or what workflow code raises itself. Nobody; or whoever gave the input."""
    TRANSIENT = "transient"
    """Another attempt may help: a `Transient`, a broken connection, and what else a step raises."""
    TIME_LIMIT = "time_limit"
    """A step, a wait for a child or the run took longer than it may."""
    LOST_WORKER = "lost_worker"
    """Workers died of it, or one was lost in a step that is not repeated."""
    PROGRAMMING = "programming"
    """A mistake in the code, or code and history disagree: mend it."""
    SYSTEM = "system"
    """The database refused, the memory or the disk is full: the operator."""


_ = ErrorKind
_OF_CLASSES: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], ErrorKind], ...] = (
    (Transient, _.TRANSIENT),
    ((DeadlineExceeded, WaitTimedOut), _.TIME_LIMIT),
    (WorkflowError, _.PROGRAMMING),
    ((ConnectionError, TimeoutError), _.TRANSIENT),
    ((MemoryError, OSError), _.SYSTEM),
)
_REFUSALS = {"OperationalError", "InterfaceError", "InternalError"}
"""Of the database, in Django's words and psycopg's."""


def kind_of(error: BaseException, otherwise: ErrorKind = ErrorKind.BUSINESS) -> ErrorKind:
    """Return the kind of an error. An exception class may say its own: `error_kind = ErrorKind.…`.
    otherwise: of a class that nobody knows. A group has that of the first in it of which another attempt
    alone does not help."""
    own = _said_by(error)
    if own is not None:
        return own
    if isinstance(error, BaseExceptionGroup):
        kinds = [kind_of(each, otherwise) for each in error.exceptions]
        return next((kind for kind in kinds if kind is not _.TRANSIENT), _.TRANSIENT)
    if isinstance(error, StepFailed | ChildFailed):
        return ErrorKind(error.kind) if error.kind in ErrorKind.values else _.BUSINESS
    if isinstance(error, Permanent):
        return _said_by(error.__cause__) or _.BUSINESS
    if type(error) in PROGRAMMING_ERRORS:
        return _.PROGRAMMING
    if any(_is_refusal(each) for each in type(error).__mro__):
        return _.SYSTEM
    return next((kind for kinds, kind in _OF_CLASSES if isinstance(error, kinds)), otherwise)


def errors_in(error: BaseException) -> list[BaseException]:
    """Return the errors that a group (of a TaskGroup, say) holds at any depth; any other error alone."""
    if not isinstance(error, BaseExceptionGroup):
        return [error]
    return [each for part in error.exceptions for each in errors_in(part)]


def _said_by(error: Any) -> ErrorKind | None:
    said = getattr(error, "error_kind", None)
    return said if isinstance(said, ErrorKind) else None


def _is_refusal(kind: type[Any]) -> bool:
    return kind.__name__ in _REFUSALS and kind.__module__.split(".")[0] in {"django", "psycopg"}
