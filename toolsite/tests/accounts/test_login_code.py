"""Signing in by a mailed code, which neither session nor run can tell."""

import re
import time
from typing import Any
from unittest.mock import patch

import pytest

from toolsite.accounts.login_code import code_of, new_reference
from toolsite.tests.accounts.signing_in import account, at, code_in, sign_in_by_code
from workflows.api import list_runs

pytestmark = pytest.mark.django_db

CONFIRM = "/accounts/login/code/confirm/"


def asking(letters: list[Any]) -> tuple[Any, str]:
    """Return a browser that waits for its code, and the code."""
    account()
    browser = at("192.0.2.1")
    browser.post("/accounts/login/code/", {"email": "Alice@example.com"})
    return browser, code_in(letters)


def test_a_code_is_eight_letters_and_follows_from_its_reference() -> None:
    reference = new_reference()

    assert re.fullmatch(r"[B-Z]{4}-[B-Z]{4}", code_of(reference))
    assert code_of(reference) == code_of(reference) != code_of(new_reference())


def test_no_reference_has_no_code() -> None:
    assert code_of("") == ""


def test_the_code_signs_in(mailoutbox: list[Any]) -> None:
    account()

    assert sign_in_by_code(at("192.0.2.1"), mailoutbox)


def test_the_session_knows_the_reference_only(mailoutbox: list[Any]) -> None:
    browser, code = asking(mailoutbox)
    reference = browser.session["account_login"]["state"]["stages"]["login_by_code"]["data"]["code"]

    browser.post(CONFIRM, {"code": reference})

    assert code not in str(dict(browser.session))
    assert "_auth_user_id" not in browser.session


def test_three_wrong_codes_end_it(mailoutbox: list[Any]) -> None:
    browser, code = asking(mailoutbox)
    for _ in range(3):
        browser.post(CONFIRM, {"code": "BBBB-BBBB"})

    browser.post(CONFIRM, {"code": code})

    assert "_auth_user_id" not in browser.session


def test_who_gets_no_letter_may_start_again(mailoutbox: list[Any]) -> None:
    browser, _ = asking(mailoutbox)
    again = "/accounts/login/code/"

    said = browser.post("/accounts/logout/", {"next": again})

    assert said["Location"] == again
    assert browser.get(again).status_code == 200


def test_a_code_is_worth_nothing_in_another_browser(mailoutbox: list[Any]) -> None:
    _, code = asking(mailoutbox)
    other = at("192.0.2.2")
    other.post("/accounts/login/code/", {"email": "alice@example.com"})

    other.post(CONFIRM, {"code": code})

    assert "_auth_user_id" not in other.session


def test_who_has_no_account_is_told_by_mail_alone(mailoutbox: list[Any]) -> None:
    asking(mailoutbox)
    stranger = at("192.0.2.3")
    known, unknown = (
        each.post("/accounts/login/code/", {"email": email}, follow=True)
        for each, email in ((at("192.0.2.4"), "alice@example.com"), (stranger, "bob@example.com"))
    )

    stranger.post(CONFIRM, {"code": ""})

    assert "_auth_user_id" not in stranger.session
    assert known.redirect_chain == unknown.redirect_chain


def test_one_place_mails_to_so_many_strangers_an_hour() -> None:
    account()
    sent = 0
    now = time.time()
    with patch("allauth.core.internal.ratelimit.time.time") as clock:
        for number in range(80):
            clock.return_value = now + number * 20
            typed = {"email": f"stranger-{number}@example.com"}
            sent += at("192.0.2.1").post("/accounts/login/code/", typed).status_code == 302

    assert sent == 60
    assert len(list_runs(workflow="accounts.letter")) == 60
