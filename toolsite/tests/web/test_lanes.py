"""Slow requests do not take all threads: pages are answered beside any number of sign-ins."""

import asyncio
import threading
from collections.abc import Iterable
from typing import Any
from unittest import mock
from wsgiref.types import StartResponse

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from toolsite.tests.web.loop import run
from toolsite.web import lanes
from toolsite.web.lanes import PASSWORDS, SEARCHES, share
from toolsite.web.messages import Answer
from toolsite.web.threads import Threads

LOGIN = "/accounts/login/"


class Site:
    """A WSGI application whose sign-ins take until they are let go."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.lock = threading.Lock()
        self.under_way = 0
        self.most_at_once = 0

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == LOGIN:
            self.sign_in()
        start_response("200 OK", [])
        return [b"hello"]

    def sign_in(self) -> None:
        with self.lock:
            self.under_way += 1
            self.most_at_once = max(self.most_at_once, self.under_way)
        assert self.go.wait(30)
        with self.lock:
            self.under_way -= 1


def asked(path: str, method: str = "POST", query: str = "") -> dict[str, Any]:
    return {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query}


def test_pages_are_answered_beside_more_sign_ins_than_there_are_threads() -> None:
    site = Site()
    pool = Threads(site, threads=5, express_paths=[])

    async def visit() -> tuple[list[Answer], list[Answer]]:
        sign_ins = [asyncio.create_task(pool.answer(asked(LOGIN))) for _ in range(60)]
        pages = [await pool.answer(asked("/", "GET")) for _ in range(20)]
        site.go.set()
        return pages, [await each for each in sign_ins]

    pages, sign_ins = run(visit())

    assert {page.status for page in pages} == {200}
    statuses = [each.status for each in sign_ins]
    assert statuses.count(200) == share(5) + PASSWORDS.most_waiting
    assert statuses.count(503) == 60 - statuses.count(200)
    refused = next(each for each in sign_ins if each.status == 503)
    assert ("Retry-After", "5") in refused.headers and b"signing in" in refused.body
    assert site.most_at_once == share(5) == 2


def test_who_has_waited_too_long_is_sent_away_and_leaves_no_trace(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lanes, "MAX_LANE_SECONDS", 0.01)
    site = Site()
    pool = Threads(site, threads=1, express_paths=[])

    async def visit() -> list[Answer]:
        first = asyncio.create_task(pool.answer(asked(LOGIN)))
        await asyncio.sleep(0)  # it takes the one place
        second = await pool.answer(asked(LOGIN))
        site.go.set()
        return [await first, second, await pool.answer(asked(LOGIN))]

    assert [answer.status for answer in run(visit())] == [200, 503, 200]
    assert all(gate.waiting == 0 for gate in pool.gates)


@pytest.mark.parametrize("threads", range(1, 12))
def test_a_lane_has_a_thread_and_leaves_one_where_there_are_several(threads: int) -> None:
    assert 1 <= share(threads) < max(2, threads)
    assert len(lanes.LANES) * share(threads) < threads or threads <= 2


def test_a_search_keeps_to_its_lane_and_the_lists_do_not() -> None:
    assert SEARCHES.covers(asked("/tools/", "GET", "category=ops&q=x"))
    assert SEARCHES.covers(asked("/admin/submissions/submission/", "GET", "q=x"))
    assert not SEARCHES.covers(asked("/tools/", "GET", "category=ops"))
    assert not SEARCHES.covers(asked("/boards/launch/", "GET", "q=x"))


@pytest.mark.django_db
def test_every_form_that_makes_a_digest_keeps_to_the_lane(client: Client) -> None:
    ana = User.objects.create_superuser("ana", "ana@example.com", "Sesame-Open-77")
    staff = Client()
    staff.force_login(ana)
    word, new = "Sesame-Open-77", {"password1": "Another-Word-5", "password2": "Another-Word-5"}
    forms: list[tuple[Client, str, dict[str, str]]] = [
        (client, reverse("account_login"), {"login": "ana@example.com", "password": "wrong"}),
        (client, reverse("account_signup"), {"email": "bob@example.com", **new}),
        (client, "/admin/login/", {"username": "ana", "password": word}),
        (staff, reverse("account_reauthenticate"), {"password": word}),
        (staff, reverse("account_change_password"), {"oldpassword": "wrong", **new}),
        (staff, "/admin/password_change/", {"old_password": "wrong"}),
        (staff, f"/admin/auth/user/{ana.pk}/password/", new),
        (staff, "/admin/auth/user/add/", {"username": "eve", **new}),
    ]
    digests: list[str] = []
    make = MD5PasswordHasher.encode

    def encode(*facts: Any) -> str:
        digests.append(make(*facts))
        return digests[-1]

    with mock.patch.object(MD5PasswordHasher, "encode", encode):
        for visitor, path, form in forms:
            before = len(digests)
            visitor.post(path, form)
            assert PASSWORDS.covers(asked(path)) or len(digests) == before, path
    assert len(digests) >= 5


def test_what_makes_no_digest_is_not_kept_waiting() -> None:
    code = ["/accounts/login/code/", "/accounts/login/code/confirm/", "/accounts/password/reset/"]

    assert not any(PASSWORDS.covers(asked(path)) for path in [*code, "/accounts/logout/", "/"])
    assert not PASSWORDS.covers(asked(LOGIN, "GET"))
    assert PASSWORDS.covers(asked("/accounts/password/reset/key/1-set-password/"))
