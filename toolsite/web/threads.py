"""The threads that answer: a fixed number for pages, and two that pages cannot keep busy.

What is slow keeps to some of those for pages (lanes.py).
"""

import asyncio
import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import Any
from wsgiref.types import WSGIApplication

from toolsite.web.call_application import call_application
from toolsite.web.lanes import LANES, Gate, LaneFull, share
from toolsite.web.messages import Answer, refusal

logger = logging.getLogger(__name__)

EXPRESS_THREADS = 2
"""For what asks no database: a load balancer and a style sheet do not wait for pages that hang."""
MAX_WAITING = 1000
"""Pages that wait for a thread of this process; more are refused at once."""
MAX_WAIT_SECONDS = 10.0
"""Whoever has waited longer is told so instead of being served: most have given up by then."""
RETRY_AFTER_SECONDS = 5
LOG_EVERY_SECONDS = 60.0
VERY_BUSY = "The site is very busy. Please try again in a few seconds."


class Threads:
    """Calls a WSGI application in threads. Each thread has one database connection at most."""

    def __init__(
        self, application: WSGIApplication, *, threads: int, express_paths: Sequence[str]
    ) -> None:
        self.application = application
        self.express_paths = tuple(express_paths)
        self.pages = ThreadPoolExecutor(threads, "page")
        self.express = ThreadPoolExecutor(EXPRESS_THREADS, "express")
        self.gates = [Gate(lane, share(threads)) for lane in LANES]
        self.lock = threading.Lock()
        self.waiting = 0
        self.told_at = -LOG_EVERY_SECONDS

    async def answer(self, environ: dict[str, Any]) -> Answer:
        """Return the application's answer, or a 503 where too many wait already."""
        if environ["PATH_INFO"].startswith(self.express_paths):
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(
                self.express, call_application, self.application, environ
            )
        gates = [gate for gate in self.gates if gate.lane.covers(environ)]
        try:
            async with gates[0].passed() if gates else nullcontext():
                return await self.in_turn(environ)
        except LaneFull as full:
            return self.busy(full.reason, full.sentence)

    async def in_turn(self, environ: dict[str, Any]) -> Answer:
        """Let a thread answer as soon as one is free."""
        if self.waiting >= MAX_WAITING:
            return self.busy(f"{self.waiting} requests wait for a thread")
        self.count(1)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.pages, self.page, environ, time.monotonic())

    def page(self, environ: dict[str, Any], asked_at: float) -> Answer:
        """Answer one request for a page, in a thread."""
        self.count(-1)
        waited = time.monotonic() - asked_at
        if waited > MAX_WAIT_SECONDS:
            return self.busy(f"a request has waited {waited:.0f} s for a thread")
        return call_application(self.application, environ)

    def count(self, more: int) -> None:
        """Count those who wait."""
        with self.lock:
            self.waiting += more

    def busy(self, reason: str, sentence: str = VERY_BUSY) -> Answer:
        """Return the 503; say in the log why, once a minute."""
        now = time.monotonic()
        if now - self.told_at >= LOG_EVERY_SECONDS:
            self.told_at = now
            logger.warning("answered 503: %s (told once a minute)", reason)
        return refusal(503, sentence, retry_after_seconds=RETRY_AFTER_SECONDS)
