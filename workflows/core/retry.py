"""How long to wait before the next attempt."""

import math
from dataclasses import dataclass

from workflows.core.errors import DefinitionError


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """When to try a failed step again. All durations are seconds."""

    attempts: int = 3
    """How many times the step may run in all; 1 means never again."""
    first_delay_seconds: float = 1.0
    """Wait before the second attempt."""
    factor: float = 2.0
    """Each later wait is this many times the one before."""
    max_delay_seconds: float = 300.0
    """No wait of the back-off is longer than this, jitter included."""
    jitter: float = 0.1
    """Each wait is drawn from this share below to this share above, so that what failed
    together does not come back together."""

    def __post_init__(self) -> None:
        if not isinstance(self.attempts, int) or self.attempts < 1:
            raise DefinitionError(f"RetryPolicy: attempts is {self.attempts!r}; give at least 1")
        numbers = (self.first_delay_seconds, self.factor, self.max_delay_seconds, self.jitter)
        if not all(isinstance(each, int | float) and math.isfinite(each) for each in numbers):
            raise DefinitionError("RetryPolicy: delays, factor and jitter are finite numbers")
        if min(self.first_delay_seconds, self.max_delay_seconds) < 0 or self.factor < 1:
            raise DefinitionError("RetryPolicy: delays are 0 or more and factor is 1 or more")
        if not 0 <= self.jitter <= 1:
            raise DefinitionError(f"RetryPolicy: jitter is {self.jitter}; give 0 to 1")

    def delay_after(self, attempt: int, *, draw: float = 0.5) -> float | None:
        """Return the seconds to wait after a failed attempt, None when it was the last.

        attempt counts from 1. draw is a number from 0 to 1 made by the caller, so that this
        stays a pure function; 0.5 gives the wait without jitter.
        """
        if attempt >= self.attempts:
            return None
        if self.first_delay_seconds == 0:
            return 0.0
        try:
            wait = self.first_delay_seconds * self.factor ** (attempt - 1)
        except OverflowError:
            wait = self.max_delay_seconds
        wait *= 1 + self.jitter * (2 * draw - 1)
        return min(wait, self.max_delay_seconds)
