"""Whose turn it is: a worker takes what has been due longest, and every so often the next tenant's.

Time alone would let one tenant with 10,000 due runs be served before all who come later; turns alone
would forget runs that name no tenant.
"""

from workflows.core.tenant import NOBODY

AMONG_SEVERAL, OTHERWISE = 2, 8
"""Of so many claims one is in turn: with several tenants about, and while there is one or none."""
REMEMBERED = 64
"""Claims for which what was seen of tenants holds."""
WAKE_SECONDS = 0.5
"""So often at most a worker puts runs whose wait is over in the lanes of their tenants."""


class Turns:
    """What one worker remembers of the tenants that it serves."""

    def __init__(self) -> None:
        self._served, self._last, self._claims, self._wakes_at = "", NOBODY, 0, 0.0
        self._seen = self._changed = -REMEMBERED

    def next(self) -> str | None:
        """Return the tenant after whom the next one is served; None: this claim goes by time."""
        self._claims += 1
        several = self._claims - self._changed < REMEMBERED
        every = AMONG_SEVERAL if several else OTHERWISE
        return self._served if self._claims % every == 0 else None

    def wakes(self, moment: float) -> bool:
        """Say whether runs whose wait is over are to be put in their lanes now. moment: seconds, by any
        clock that goes on."""
        if self._claims - self._seen >= REMEMBERED or moment < self._wakes_at:
            return False
        self._wakes_at = moment + WAKE_SECONDS
        return True

    def took(self, tenant: str, *, in_turn: bool) -> None:
        """Take note of whose run was claimed."""
        if tenant != self._last:
            self._last, self._changed = tenant, self._claims
        if tenant == NOBODY:
            return
        self._seen = self._claims
        if in_turn:
            self._served = tenant
