"""The list of one's sessions, and signing out elsewhere."""

import pytest
from allauth.usersessions.models import UserSession
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from submissions.tests.builders import make_board
from toolsite.tests.accounts.signing_in import PASSWORD, account, at, try_password

pytestmark = pytest.mark.django_db

SESSIONS = "/accounts/sessions/"


def is_in(browser: Client) -> bool:
    return browser.get("/accounts/email/").status_code == 200


def test_a_sign_in_stands_in_the_list_with_its_place() -> None:
    account()
    browser = at("192.0.2.7")
    try_password(browser, PASSWORD)

    page = browser.get(SESSIONS).content.decode()

    assert "192.0.2.7" in page and "Here" in page
    assert '<button class="btn danger"' not in page


def test_sign_out_elsewhere_leaves_this_browser_alone() -> None:
    account()
    here, there = at("192.0.2.1"), at("192.0.2.2")
    for browser in (here, there):
        try_password(browser, PASSWORD)

    here.post(SESSIONS)

    assert is_in(here) and not is_in(there)


def test_sign_out_elsewhere_ends_nobody_elses_sessions() -> None:
    account("bob")
    account()
    bob, alice = at("192.0.2.1"), at("192.0.2.2")
    try_password(bob, PASSWORD, "bob@example.com")
    try_password(alice, PASSWORD)

    alice.post(SESSIONS)

    assert is_in(bob)


def test_a_session_from_before_the_list_is_listed_at_its_next_visit() -> None:
    user = account()
    make_board()
    old, here = Client(), Client()
    for browser in (old, here):
        browser.force_login(user)
    UserSession.objects.all().delete()
    old.get("/")

    here.post(SESSIONS)

    assert is_in(here) and not is_in(old)


def test_a_session_is_listed_once() -> None:
    user = account()
    make_board()
    browser = Client()
    browser.force_login(user)
    browser.get("/")

    with CaptureQueriesContext(
        connection,
    ) as asked:
        browser.get("/")

    assert not any("usersessions" in query["sql"] for query in asked.captured_queries)
