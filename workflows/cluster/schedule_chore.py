"""The pusher's part in schedules: it looks when the next one is due, not before."""

import time

from workflows.engine.schedules import announced
from workflows.engine.schedules.declared_rows import write_declared
from workflows.engine.schedules.start_due import start_due
from workflows.store import schedules as store
from workflows.store.database import Connection

LOOK_EVERY_SECONDS = 10.0
"""At the latest: a ring that says that there is something sooner may be lost, with a connection."""
AFTER_A_FAULT_SECONDS = 1.0
DECLARE_EVERY_SECONDS = 30.0
LATE_SECONDS = 60.0
"""A schedule that is due for so long is started by nobody."""


class StartDue:
    """Starts what is due. The database says how long the next is away; by which clock, nobody asks here."""

    def __init__(self) -> None:
        self._pause = 0.0

    def __call__(self, own: Connection) -> None:
        """Start what is due, and note when to look again."""
        begun, self._pause = time.monotonic(), AFTER_A_FAULT_SECONDS
        seconds = start_due(own)
        left = LOOK_EVERY_SECONDS if seconds is None else min(seconds, LOOK_EVERY_SECONDS)
        self._pause = time.monotonic() - begun + left

    def every_seconds(self) -> float:
        """Return how long after the beginning of the last look the next one is."""
        return self._pause

    def look_soon(self) -> None:
        """Look at the next turn: somebody has changed a schedule."""
        self._pause = 0.0


class Declare:
    """Lets the rows say what the code here declares, and tells of schedules that nobody starts."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def __call__(self, own: Connection) -> None:
        """Write what is new, announce what is late and was not before."""
        write_declared(own)
        late = store.list_late(LATE_SECONDS, on=own)
        for name, workflow, seconds in late:
            if name not in self._told:
                announced.late(name, workflow, seconds)
        self._told = {name for name, _, _ in late}


starting = StartDue()
"""The pusher's; the bell tells it of rings."""
