"""Slow requests keep to some of the threads, so that all other pages find one.

Whoever waits here takes no thread meanwhile.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

MAX_LANE_SECONDS = 10.0
"""Whoever has waited longer is sent away, as those are who wait for a thread."""


class LaneFull(Exception):
    """Too many want the same; the sentence is for the visitor."""

    def __init__(self, sentence: str, reason: str) -> None:
        super().__init__(sentence, reason)
        self.sentence = sentence
        self.reason = reason
        """For the log."""


@dataclass(frozen=True, kw_only=True)
class Lane:
    """Requests that are slow, and how many of them may wait."""

    name: str
    """What they do, for people."""
    methods: Sequence[str]
    path: re.Pattern[str]
    query: re.Pattern[str] = re.compile("")
    most_waiting: int

    def covers(self, environ: dict[str, Any]) -> bool:
        """Say whether a request keeps to this lane."""
        return (
            environ["REQUEST_METHOD"] in self.methods
            and self.path.fullmatch(environ["PATH_INFO"]) is not None
            and self.query.search(environ["QUERY_STRING"]) is not None
        )


PASSWORDS = Lane(
    name="signing in or choosing a password",
    methods=["POST"],
    path=re.compile(
        "/accounts/(login|signup|reauthenticate|password/(change|set|reset/key/[^/]+))/"
        "|/admin/(login|password_change|auth/user/(add|[^/]+/(password|change)))/"
    ),
    most_waiting=30,
)
"""A password's digest takes a third of a second of a core, by intention."""
SEARCHES = Lane(
    name="searching",
    methods=["GET", "HEAD", "POST"],
    path=re.compile("/tools/|/admin/.*"),
    query=re.compile("(^|&)q="),
    most_waiting=200,
)
"""They read more of the database than any other page."""
LANES = (PASSWORDS, SEARCHES)


def share(threads: int) -> int:
    """Return how many of so many threads the requests of one lane may take: two of five."""
    return max(1, threads * 2 // 5)


class Gate:
    """Where the requests of one lane wait, in the server's loop."""

    def __init__(self, lane: Lane, at_a_time: int) -> None:
        self.lane = lane
        self.places = asyncio.Semaphore(at_a_time)
        self.waiting = 0

    @asynccontextmanager
    async def passed(self) -> AsyncIterator[None]:
        """Hold one of the lane's places. Raises LaneFull."""
        await self.wait()
        try:
            yield
        finally:
            self.places.release()

    async def wait(self) -> None:
        if self.waiting >= self.lane.most_waiting:
            raise self.full(f"{self.waiting} requests wait for it")
        self.waiting += 1
        try:
            async with asyncio.timeout(MAX_LANE_SECONDS):
                await self.places.acquire()
        except TimeoutError:
            raise self.full(f"a request has waited {MAX_LANE_SECONDS:.0f} s for it") from None
        finally:
            self.waiting -= 1

    def full(self, reason: str) -> LaneFull:
        return LaneFull(
            f"Too many people are {self.lane.name} at this moment."
            " Nothing was changed. Please try again in a few seconds.",
            f"{self.lane.name}: {reason}",
        )
