"""The event loop of this process, on which async steps run: one, in a thread of its own.

It is made when the first async step begins, so behind every fork, and it ends with its process.
"""

import asyncio
import atexit
import os
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar

from django.db import connections

from workflows import signals

R = TypeVar("R")
MOST_THREADS = 32
"""Of those in which asyncio.to_thread and the like run plain functions."""
IDLE_SECONDS = 5.0
"""A thread that has had nothing to do for so long ends."""
END_SECONDS = 1.0

_making = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None


def event_loop() -> asyncio.AbstractEventLoop:
    """Return the loop; it runs."""
    global _loop
    with _making:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            _loop.set_default_executor(PlainThreads(MOST_THREADS))
            ending = threading.Event()
            thread = threading.Thread(
                target=_run, args=(_loop, ending), name="event loop", daemon=True
            )
            thread.start()
            atexit.register(_end, _loop, thread, ending)
        return _loop


def _run(loop: asyncio.AbstractEventLoop, ending: threading.Event) -> None:
    """Go on until the process ends: a loop that stops takes the steps of all runs along."""
    asyncio.set_event_loop(loop)
    while not ending.is_set():
        # A task that a step has left behind may raise these, and a step may call loop.stop();
        # asyncio lets each of them end the loop.
        with suppress(KeyboardInterrupt, SystemExit):
            loop.run_forever()
    loop.close()


def _end(
    loop: asyncio.AbstractEventLoop, thread: threading.Thread, ending: threading.Event
) -> None:
    ending.set()
    with suppress(RuntimeError):  # closed already
        loop.call_soon_threadsafe(loop.stop)
    thread.join(END_SECONDS)


def _forget() -> None:
    """In a child of this process: the thread has stayed behind, and a lock may be held for ever."""
    global _loop, _making
    _making, _loop = threading.Lock(), None


os.register_at_fork(after_in_child=_forget)


class PlainThreads(ThreadPoolExecutor):
    """The threads of asyncio.to_thread and of sync_to_async(…, thread_sensitive=False).

    They are daemons: one that is stuck must not keep its process from ending, as those of
    concurrent.futures do. What a call has opened of Django's connections is closed behind it.
    """

    def __init__(self, most: int) -> None:
        super().__init__(most)  # asyncio takes no other class; its own threads are never started
        self._most, self._count = most, 0
        self._free = 0
        """Threads without a call, less the calls that no thread has taken yet."""
        self._lock = threading.Lock()
        self._calls: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()

    def submit(self, function: Callable[..., R], /, *args: Any, **kwargs: Any) -> Future[R]:
        """Call the function in one of the threads."""
        future: Future[R] = Future()
        with self._lock:
            if self._free <= 0 and self._count < self._most:
                threading.Thread(target=self._serve, name="plain call", daemon=True).start()
                self._count += 1
                self._free += 1
            self._free -= 1
        self._calls.put(partial(_answer, future, partial(function, *args, **kwargs)))
        return future

    def _serve(self) -> None:
        while True:
            try:
                call = self._calls.get(timeout=IDLE_SECONDS)
            except queue.Empty:
                with self._lock:
                    if self._free > 0:  # else a call is on its way to here
                        self._free -= 1
                        self._count -= 1
                        return
                continue
            call()
            try:
                connections.close_all()
            except (
                Exception
            ) as exc:  # of a backend or a driver: it is told, and the thread serves on
                signals.worker_failed.send_robust(sender=PlainThreads, error=exc)
            with self._lock:
                self._free += 1


def _answer(future: Future[R], call: Callable[[], R]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(call())
    except BaseException as exc:
        future.set_exception(exc)
