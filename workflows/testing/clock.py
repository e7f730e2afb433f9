"""The engine's clock in tests: it goes with the real one, ahead by what the test let pass.

Time is the database's. Once a test has let time pass, the engine's statements tell that time plus
so many seconds instead, and what they insert is dated by it. So what is recorded once stays as it
is, and a replay sees it again.
"""

from datetime import datetime, timedelta
from uuid import UUID

from workflows.models import Run, Schedule
from workflows.store.database import query, set_clock
from workflows.store.statement import NOW, Statement

_NOW = Statement(f"SELECT {NOW}")
_RUN_IS_ALIVE = Statement("SELECT EXISTS (SELECT FROM workflows_run WHERE id = %s)")
_SCHEDULE_IS_ALIVE = Statement("SELECT EXISTS (SELECT FROM workflows_schedule WHERE id = %s)")


class Clock:
    """How far ahead the runs of this test are."""

    def __init__(self) -> None:
        self._ahead = timedelta()
        self._witness: tuple[Statement, UUID | int | None] = (_RUN_IS_ALIVE, None)
        """A run that was there when time passed, else a schedule, and how to ask for it. Without it,
        that was in another test."""

    def forget(self) -> None:
        """Go with the real clock again."""
        self._ahead = timedelta()
        set_clock(None)

    def now(self) -> datetime:
        """Return the time as the runs have it."""
        moment: datetime
        [[moment]] = query(_NOW)
        return moment

    def move(self, pause: timedelta) -> None:
        """Let so much time pass. Nobody notices where there is neither run nor schedule."""
        run = Run.objects.order_by("-created_at").values_list("pk", flat=True).first()
        schedule = None
        if run is None:
            schedule = Schedule.objects.order_by("-pk").values_list("pk", flat=True).first()
        if run is not None or schedule is not None:
            self._ahead += pause
            self._witness = (_RUN_IS_ALIVE, run) if run else (_SCHEDULE_IS_ALIVE, schedule)
            set_clock(self._still_ahead)

    def _still_ahead(self) -> timedelta:
        """Return how far; not at all once that is gone for which time has passed."""
        look, witness = self._witness
        [[is_alive]] = query(look, [witness])
        if not is_alive:
            self.forget()
        return self._ahead


clock = Clock()
