"""Tells that the database hangs: a frozen server gives no answer, and no error either.

The pusher says what it is about to wait for; a thread beside it looks how long that takes. Neither a
time limit of the server's nor one of the kernel's would end such a wait.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.utils import timezone

from workflows import signals

LOOK_EVERY_SECONDS = 1.0
TELL_AFTER_SECONDS = 5.0
TELL_AGAIN_SECONDS = 30.0


class DatabaseWatch:
    """One per pusher process."""

    def __init__(self) -> None:
        self._waits: tuple[str, float] | None = None
        """For what, and since when."""
        self._told_at: float | None = None
        self._began = False

    def begin(self) -> None:
        """Look from now on; in this process, and once."""
        if not self._began:
            self._began = True
            threading.Thread(target=self._look_on, name="database watch", daemon=True).start()

    @contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """Wait for an answer inside the block."""
        self._waits = what, time.monotonic()
        try:
            yield
        finally:
            self._waits = None

    def answered(self) -> bool:
        """Whether an answer has come to what was told to hang. True once."""
        told, self._told_at = self._told_at is not None, None
        return told

    def look(self, now: float) -> None:
        """Tell what has been waited for too long."""
        if (waits := self._waits) is None:
            return
        what, since = waits
        again_at = since + TELL_AFTER_SECONDS
        if self._told_at is not None and self._told_at >= since:
            again_at = self._told_at + TELL_AGAIN_SECONDS
        if now < again_at:
            return
        self._told_at = now
        signals.database_hangs.send_robust(
            sender=DatabaseWatch,
            waits_for=what,
            since=timezone.now() - timedelta(seconds=now - since),
            seconds=now - since,
        )

    def _look_on(self) -> None:
        while True:
            time.sleep(LOOK_EVERY_SECONDS)
            self.look(time.monotonic())
