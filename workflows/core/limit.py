"""Limits: how many at once, and how often, as the code declares them."""

from collections.abc import Callable
from dataclasses import dataclass

from workflows.core.codec import dumps, is_name
from workflows.core.errors import DefinitionError
from workflows.core.time_checks import LONGEST_SECONDS

TENANT = "tenant"
"""by= this: each tenant for itself, unless the function has a parameter of that name."""
MOST_SLOTS = 10_000
By = str | Callable[..., str] | None


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many at once, over all hosts.

    Raises DefinitionError for what is no limit.
    """

    most: int | None = None
    """How many at once."""
    by: By = None
    """The parameter, or "tenant", by whose value each has slots of its own; or a function that makes that
    value of all the arguments, given by name; None: all share them."""
    name: str | None = None
    """What it is called, and shared by; None: the workflow's name, or where the step is written."""
    share: float | None = None
    """In place of most: this part of the slots of all workers that live and have the workflow's code, rounded
    down; one at least."""

    def __post_init__(self) -> None:
        if self.share is None:
            check_most(self.most)
        else:
            _check_share(self.share, self.most)
        _check_names(self.by, self.name)

    @property
    def words(self) -> str:
        """How it reads for people."""
        return f"{self.most} at once" if self.share is None else f"{self.share:.0%} of all slots"


@dataclass(frozen=True, slots=True)
class Rate:
    """So often at most, over all hosts: the moments are spaced evenly.

    Raises DefinitionError for what is no rate.
    """

    times: int
    """How often in the time below."""
    per_seconds: float = 1.0
    by: By = None
    """As in Limit."""
    name: str | None = None
    """As in Limit."""

    def __post_init__(self) -> None:
        check_rate(self.times, self.per_seconds)
        _check_names(self.by, self.name)

    @property
    def words(self) -> str:
        """How it reads for people."""
        return f"{self.times} per {self.per_seconds:g} s"


@dataclass(frozen=True, kw_only=True)
class Declared:
    """A limit with its name."""

    name: str
    rule: Limit | Rate
    of_runs: bool = False
    """A workflow's: a run keeps its slot until it ends."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What somebody asks of a limit."""

    name: str
    key: str
    """Whose slots; "": everybody's."""
    rule: Limit | Rate


@dataclass(frozen=True, kw_only=True)
class LimitView:
    """A limit as anybody outside sees it."""

    name: str
    rule: Limit | Rate
    """As the code declares it, or as it was set since."""
    is_set: bool
    """By set_limit, whatever the code says."""
    taken: int
    """Slots that are held now, of all keys."""
    waiting: int
    """Who waits for a slot, of all keys; who waits for the next moment of a rate is not counted."""


def check_most(most: object) -> None:
    """Raise DefinitionError for a number of slots that is none."""
    if isinstance(most, bool) or not isinstance(most, int) or not 1 <= most <= MOST_SLOTS:
        raise DefinitionError(
            f"a limit of {most!r:.40} at once; give a whole number from 1 to {MOST_SLOTS}"
        )


def _check_share(share: object, most: object) -> None:
    is_number = isinstance(share, int | float) and not isinstance(share, bool)
    if most is not None or not is_number or not 0 < float(str(share)) <= 1:
        raise DefinitionError(
            f"a limit of the share {share!r:.40}; give a number above 0, up to 1, and no other number"
        )


def check_rate(times: object, per_seconds: object) -> None:
    """Raise DefinitionError for what is no rate."""
    if isinstance(times, bool) or not isinstance(times, int) or times < 1:
        raise DefinitionError(f"a rate of {times!r:.40} times; give a whole number of 1 or more")
    is_number = isinstance(per_seconds, int | float) and not isinstance(per_seconds, bool)
    if not is_number or not 0 < float(str(per_seconds)) <= LONGEST_SECONDS:
        raise DefinitionError(
            f"a rate per {per_seconds!r:.40} s; give seconds above 0, up to a century"
        )


def key_text(value: object) -> str:
    """Return the key that a value gives."""
    return value if isinstance(value, str) else dumps(value)


def _check_names(by: object, name: object) -> None:
    for option, text in (("by", by), ("name", name)):
        is_function = option == "by" and callable(text)
        if text is not None and not is_function and not is_name(text):
            wanted = "a parameter's name, a function" if option == "by" else "up to 500 characters"
            raise DefinitionError(f"a limit's {option} is {text!r:.40}; give {wanted}, or nothing")
