"""Pages wait for a bounded time in a bounded queue; what asks no database does not wait for them."""

import asyncio
import logging
import threading
from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse

import pytest

from toolsite.tests.web.loop import run
from toolsite.web import threads
from toolsite.web.messages import Answer
from toolsite.web.threads import Threads


class Site:
    """A WSGI application whose pages hang until they are let go."""

    def __init__(self) -> None:
        self.go = threading.Event()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] != "/healthz":
            assert self.go.wait(30)
        start_response("200 OK", [])
        return [b"hello"]


def asked(path: str) -> dict[str, Any]:
    return {"REQUEST_METHOD": "GET", "PATH_INFO": path, "QUERY_STRING": ""}


def started(site: Site) -> Threads:
    return Threads(site, threads=1, express_paths=["/healthz", "/static/"])


def test_healthz_answers_while_every_page_hangs() -> None:
    site = Site()
    pool = started(site)

    async def visit() -> tuple[Answer, list[Answer]]:
        pages = [asyncio.create_task(pool.answer(asked("/"))) for _ in range(3)]
        health = await pool.answer(asked("/healthz"))
        site.go.set()
        return health, [await page for page in pages]

    health, pages = run(visit())

    assert (health.status, health.body) == (200, b"hello")
    assert [page.status for page in pages] == [200, 200, 200]


def test_too_many_who_wait_are_refused_at_once_and_told_when_to_come_back(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(threads, "MAX_WAITING", 2)
    pool = started(Site())
    pool.waiting = 2

    with caplog.at_level(logging.WARNING):
        refused = [run(pool.answer(asked("/"))) for _ in range(2)]

    assert [answer.status for answer in refused] == [503, 503]
    assert ("Retry-After", "5") in refused[0].headers
    assert len(caplog.records) == 1


def test_whoever_has_waited_too_long_is_not_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "MAX_WAIT_SECONDS", -1)

    assert run(started(Site()).answer(asked("/"))).status == 503


def test_nobody_is_counted_as_waiting_afterwards() -> None:
    site = Site()
    site.go.set()
    pool = started(site)

    run(pool.answer(asked("/")))

    assert pool.waiting == 0
