"""Notices that the database answers nobody in this process, and when it does so again.

A request that waits alone may be waiting for a lock. So where nothing has come for a moment, one
thread asks on a connection of its own; if that is not answered either, nobody waits any more.
"""

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from time import monotonic

logger = logging.getLogger("toolsite.outage")

SUSPICIOUS_SECONDS = 0.2
"""Silence of so long makes us ask. Together with the next it stays below a second, within which
/healthz and style sheets have to get a thread again."""
ASKING_SECONDS = 0.3
"""How long a fresh connection and its first answer may take."""
ASK_AGAIN_SECONDS = 10.0
"""How long one question waits during an outage: a server that thaws answers it at once."""


class Silence:
    """What this process knows about the database's silence. Threads share one."""

    def __init__(self, answers: Callable[[float], bool]) -> None:
        """`answers` asks the database and says whether an answer came within so many seconds."""
        self._answers = answers
        self._heard_at = monotonic()
        self._lock = threading.Lock()
        self._asking: threading.Thread | None = None
        self.since: datetime | None = None
        """When it was noticed; None while the database answers."""

    def hear(self) -> None:
        """Note that the database has said something."""
        self._heard_at = monotonic()

    def suspect(self, waited_seconds: float) -> None:
        """Ask in a thread of its own, where neither this wait nor any other was answered."""
        quiet = min(waited_seconds, monotonic() - self._heard_at)
        if quiet < SUSPICIOUS_SECONDS or not self._lock.acquire(blocking=False):
            return
        try:
            if self._asking is None or not self._asking.is_alive():
                self._asking = threading.Thread(target=self.ask, daemon=True)
                self._asking.start()
        finally:
            self._lock.release()

    def ask(self) -> None:
        """Ask once; where no answer comes, say so and ask until one does."""
        if self._answers(ASKING_SECONDS):
            return self.hear()
        began = monotonic()
        self.since = datetime.now(UTC)
        logger.warning("the database is silent, also on a new connection; pages are answered 503")
        try:
            while not self._answers(ASK_AGAIN_SECONDS):
                pass
        finally:
            self.hear()
            self.since = None
            logger.warning("the database answers again, after %.1f s", monotonic() - began)
