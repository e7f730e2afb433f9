"""How long to wait before the next attempt."""

import math
from dataclasses import dataclass
from typing import Any

from workflows.core.error_kind import ErrorKind, errors_in
from workflows.core.errors import DefinitionError
from workflows.core.history import UNDO
from workflows.core.time_checks import LONGEST_SECONDS

USUAL_MAX_SECONDS = 300.0
MOST_ATTEMPTS = UNDO - 2
"""Lines number the attempts of a step below those that undo it; an action's begin at 2."""


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """When to try a failed step again. All durations are seconds."""

    attempts: int | None = 3
    """How many times the step may run in all; 1 means never again, None until it works."""
    first_delay_seconds: float = 1.0
    """Wait before the second attempt."""
    factor: float = 2.0
    """Each later wait is this many times the one before."""
    max_delay_seconds: float | None = None
    """No wait of the back-off is longer than this, jitter included; None: 300, or
    first_delay_seconds where that is longer."""
    jitter: float = 0.1
    """Each wait is drawn from this share below to this share above, so that what failed
    together does not come back together."""

    retry_on: tuple[type[Exception] | ErrorKind, ...] = ()
    """Only these are tried again: exception classes, or kinds of errors; (): all are."""
    give_up_on: tuple[type[Exception] | ErrorKind, ...] = ()
    """These are not, whatever retry_on says."""

    def __post_init__(self) -> None:
        self._check_attempts()
        for name in ("retry_on", "give_up_on"):
            _check_errors(name, getattr(self, name))
        given = () if self.max_delay_seconds is None else (self.max_delay_seconds,)
        numbers = (self.first_delay_seconds, self.factor, self.jitter, *given)
        if not all(isinstance(each, int | float) and math.isfinite(each) for each in numbers):
            raise DefinitionError("RetryPolicy: delays, factor and jitter are finite numbers")
        if not 0 <= self.jitter <= 1:
            raise DefinitionError(f"RetryPolicy: jitter is {self.jitter}; give 0 to 1")
        self._check_delays()

    def _check_attempts(self) -> None:
        attempts = self.attempts
        if attempts is None:
            if self.first_delay_seconds == 0:
                told = "attempts=None needs a first_delay_seconds above 0, or it never rests"
                raise DefinitionError(f"RetryPolicy: {told}")
        elif not isinstance(attempts, int) or not 1 <= attempts <= MOST_ATTEMPTS:
            told = f"give 1 to {MOST_ATTEMPTS:,}, or None to try until it works"
            raise DefinitionError(f"RetryPolicy: attempts is {attempts!r}; {told}")

    def _check_delays(self) -> None:
        first, longest = self.first_delay_seconds, self.longest_delay_seconds
        if min(first, longest) < 0 or self.factor < 1:
            raise DefinitionError("RetryPolicy: delays are 0 or more and factor is 1 or more")
        if longest > LONGEST_SECONDS:
            raise DefinitionError("RetryPolicy: no delay is longer than a century")
        if first > longest:
            raise DefinitionError(
                f"RetryPolicy: first_delay_seconds={first:g} is longer than "
                f"max_delay_seconds={longest:g}; raise the maximum, or leave it out"
            )

    @property
    def longest_delay_seconds(self) -> float:
        """What max_delay_seconds says, or stands for where it is left out."""
        if self.max_delay_seconds is None:
            return max(USUAL_MAX_SECONDS, self.first_delay_seconds)
        return self.max_delay_seconds

    def tries_again(self, error: BaseException, kind: ErrorKind) -> bool:
        """Say whether an attempt that failed so may be followed by another, as to the error alone. Of a group,
        one that is given up on is enough, and all are to be such as are tried again."""

        def named(those: tuple[type[Exception] | ErrorKind, ...]) -> list[bool]:
            classes = tuple(each for each in those if isinstance(each, type))
            whole = kind in those or isinstance(error, classes)
            return [whole or isinstance(each, classes) for each in errors_in(error)]

        return not any(named(self.give_up_on)) and (not self.retry_on or all(named(self.retry_on)))

    def delay_after(self, attempt: int, *, draw: float = 0.5) -> float | None:
        """Return the seconds to wait after a failed attempt, None when it was the last.

        attempt counts from 1. draw is a number from 0 to 1 made by the caller, so that this
        stays a pure function; 0.5 gives the wait without jitter.
        """
        if attempt >= (self.attempts or MOST_ATTEMPTS):
            return None
        if self.first_delay_seconds == 0:
            return 0.0
        try:
            wait = self.first_delay_seconds * self.factor ** (attempt - 1)
        except OverflowError:
            wait = self.longest_delay_seconds
        wait *= 1 + self.jitter * (2 * draw - 1)
        return min(wait, self.longest_delay_seconds)


def _check_errors(name: str, given: Any) -> None:
    """Raise DefinitionError for what is no tuple of exception classes and kinds."""
    if isinstance(given, tuple) and all(map(_is_error, given)):
        return
    kinds = ", ".join(ErrorKind.values)
    raise DefinitionError(
        f"RetryPolicy: {name} is {given!r:.80}; give a tuple of exception classes and kinds ({kinds})"
    )


def _is_error(each: Any) -> bool:
    return each in ErrorKind.values or (isinstance(each, type) and issubclass(each, Exception))
