"""A finding, and a look that makes findings."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.db.models import TextChoices


class Severity(TextChoices):
    """How bad it is."""

    OK = "ok"
    """Looked at, and well."""
    WARNING = "warning"
    """Somebody should look, today."""
    ERROR = "error"
    """Work stands still, or may be lost."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at, and what there is to be said."""

    area: str
    check: str
    """A stable name."""
    severity: Severity
    sentence: str
    advice: str = ""
    """What to do; "" where all is well."""


@dataclass(frozen=True)
class Trouble:
    """What a look has found wrong."""

    sentence: str
    advice: str
    severity: Severity = Severity.WARNING


class NotLookedAt(Exception):
    """There is nothing to look at, or it may not be seen. The message says why, and what helps stands apart."""

    def __init__(self, why: str, advice: str) -> None:
        super().__init__(why, advice)
        self.why, self.advice = why, advice


@dataclass(frozen=True)
class Look:
    """Something to be looked at."""

    check: str
    do: Callable[[], Iterable[Trouble]]
    """Raises NotLookedAt, django.db.Error where it cannot be looked at; what was found before that counts."""
    fine: str
    """What is said where nothing is wrong."""


def error(sentence: str, advice: str) -> Trouble:
    return Trouble(sentence, advice, Severity.ERROR)


def warning(sentence: str, advice: str) -> Trouble:
    return Trouble(sentence, advice)


def minutes(seconds: float) -> str:
    """Return a length of time in words: 40 s, 12 min, 3 h."""
    for size, unit in ((7_200, "h"), (120, "min")):
        if seconds >= size:
            return f"{seconds / (size / 2):.0f} {unit}"
    return f"{seconds:.0f} s"
