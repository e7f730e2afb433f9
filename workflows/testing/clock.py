"""The engine's clock in tests: it goes with the real one, ahead by what the test let pass.

Time is the database's. Once a test has let time pass, the engine's statements tell that time plus
so many seconds instead, and what they insert is dated by it. So what is recorded once stays as it
is, and a replay sees it again.
"""

from datetime import datetime, timedelta
from uuid import UUID

from workflows.models import Run
from workflows.store.database import query, set_clock
from workflows.store.statement import NOW, Statement

_NOW = Statement(f"SELECT {NOW}")
_ALIVE = Statement("SELECT EXISTS (SELECT FROM workflows_run WHERE id = %s)")


class Clock:
    """How far ahead the runs of this test are."""

    def __init__(self) -> None:
        self._ahead = timedelta()
        self._witness: UUID | None = None
        """A run that was there when time passed. Without it, that was in another test."""

    def forget(self) -> None:
        """Go with the real clock again."""
        self._ahead, self._witness = timedelta(), None
        set_clock(None)

    def now(self) -> datetime:
        """Return the time as the runs have it."""
        moment: datetime
        [[moment]] = query(_NOW)
        return moment

    def move(self, pause: timedelta) -> None:
        """Let so much time pass. Nobody notices where there is no run."""
        witness = Run.objects.order_by("-created_at").values_list("pk", flat=True).first()
        if witness is not None:
            self._ahead, self._witness = self._ahead + pause, witness
            set_clock(self._still_ahead)

    def _still_ahead(self) -> timedelta:
        """Return how far; not at all once the runs are gone for which time has passed."""
        [[is_alive]] = query(_ALIVE, [self._witness])
        if not is_alive:
            self.forget()
        return self._ahead


clock = Clock()
