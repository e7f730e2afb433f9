"""An exception as something that can always be stored: type, message, traceback."""

import json
import traceback
from typing import TypedDict

from workflows.core.error_kind import ErrorKind, errors_in, kind_of

MAX_MESSAGE = 2_000
MAX_TRACEBACK = 8_000


class Failure(TypedDict):
    """What history keeps of an exception. Texts are cut and free of what PostgreSQL refuses."""

    type: str
    message: str
    traceback: str
    kind: str
    """An ErrorKind; missing in what older releases have written."""


def describe(exc: BaseException, otherwise: ErrorKind = ErrorKind.BUSINESS) -> Failure:
    """Describe an exception, whatever its __str__ and its message do. otherwise: its kind, where its
    class says none."""
    return Failure(
        type=storable(type_name(type(exc)), 200),
        message=storable(_message(exc), MAX_MESSAGE),
        traceback=_last_part(storable(_format(exc), 200_000)),
        kind=kind_of(exc, otherwise).value,
    )


def as_json(failure: Failure) -> str:
    """Return the JSON text of a failure."""
    return json.dumps(failure, ensure_ascii=False)


def storable(text: str, limit: int) -> str:
    """Return the text without NUL and lone surrogates, cut to limit characters."""
    clean = text.replace("\x00", "\N{REPLACEMENT CHARACTER}")
    clean = clean.encode(errors="replace").decode()
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def type_name(kind: type[BaseException]) -> str:
    """Return how a kind of exception is named in a failure."""
    return kind.__name__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__name__}"


def _message(exc: BaseException) -> str:
    try:
        if not isinstance(exc, BaseExceptionGroup):
            return str(exc)
        parts = [f"{type_name(type(each))}: {_message(each)}" for each in errors_in(exc)]
        return f"{exc}: {'; '.join(parts)}"
    except Exception as broken:  # a __str__ that raises must not cost us the failure itself
        return f"(its message cannot be read: {type(broken).__name__})"


def _format(exc: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(exc, limit=-20))
    except Exception:  # as above: format_exception calls __str__ and reads sources
        return ""


def _last_part(text: str) -> str:
    return text if len(text) <= MAX_TRACEBACK else "…" + text[-MAX_TRACEBACK + 1 :]
