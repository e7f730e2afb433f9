"""The last resort of time limits: a thread of faulthandler's, which needs no interpreter, ends the process.

There is one such timer in a process, so it has one owner, here: it is set to the first of all the moments
that were asked for.
"""

import faulthandler
import sys
import threading
import time
from collections.abc import Hashable
from contextlib import suppress


class Backstop:
    """The moments at which this process is to be ended, by this host's monotonic clock."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a signal's handler may come to a thread that has it
        self._moments: dict[Hashable, float] = {}

    def end_process_at(self, owner: Hashable, moment: float) -> None:
        """Let the process be ended then, unless the owner says another moment, or releases it."""
        with self._lock:
            self._moments[owner] = moment
            self._set()

    def release(self, owner: Hashable) -> None:
        """Let the process live, as far as this owner is concerned."""
        with self._lock:
            if self._moments.pop(owner, None) is not None:
                self._set()

    def next_at(self) -> float:
        """Return when the process is ended; infinite: never."""
        return min(self._moments.values(), default=float("inf"))

    def _set(self) -> None:
        if sys.__stderr__ is None:
            return
        while True:
            moment = self.next_at()
            faulthandler.cancel_dump_traceback_later()
            if moment < float("inf"):
                seconds = max(moment - time.monotonic(), 0.001)
                with suppress(RuntimeError):  # no room for its thread: set anew at the next limit
                    faulthandler.dump_traceback_later(seconds, exit=True, file=sys.__stderr__)
            if moment == self.next_at():  # else a signal's handler has come between
                return


backstop = Backstop()
"""Of this process. A fork inherits no timer: what it watches, it asks for anew."""
