"""Nobody learns who has an account: not by what a page says, and not by how long it takes.

Times are not measured here: what takes the time is counted, the hash of a password before all.
"""

from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import MD5PasswordHasher
from django.contrib.auth.models import User
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from toolsite.tests.accounts.signing_in import PASSWORD, account, at
from workflows.api import list_runs

pytestmark = [pytest.mark.django_db]

Ask = Callable[[Any, str], Any]
mandatory = override_settings(ACCOUNT_EMAIL_VERIFICATION="mandatory")


def sign_up(browser: Any, email: str) -> Any:
    typed = {"email": email, "password1": PASSWORD, "password2": PASSWORD}
    return browser.post("/accounts/signup/", typed)


def ask_for_a_link(browser: Any, email: str) -> Any:
    return browser.post("/accounts/password/reset/", {"email": email})


def ask_for_a_code(browser: Any, email: str) -> Any:
    return browser.post("/accounts/login/code/", {"email": email})


def sign_in(browser: Any, email: str) -> Any:
    return browser.post("/accounts/login/", {"login": email, "password": "wrong"})


def what_it_takes(ask: Ask, email: str) -> tuple[int, str, int, int]:
    """Return status, address, hashes and letters of a wish, of a browser that nobody knows."""
    letters = len(list(list_runs(workflow="accounts.letter")))
    hash_it = mock.patch.object(
        MD5PasswordHasher, "encode", autospec=True, side_effect=MD5PasswordHasher.encode
    )
    with hash_it as hashed:
        said = ask(at("192.0.2.1"), email)
    ordered = len(list(list_runs(workflow="accounts.letter"))) - letters
    return said.status_code, said.get("Location", ""), hashed.call_count, ordered


@mandatory
@pytest.mark.parametrize("ask", [sign_up, ask_for_a_link, ask_for_a_code, sign_in])
def test_a_known_address_takes_what_an_unknown_one_takes(ask: Ask) -> None:
    account()

    known = what_it_takes(ask, "alice@example.com")
    unknown = what_it_takes(ask, "nobody@example.com")

    assert known == unknown


@mandatory
def test_signing_up_again_leaves_nothing_behind() -> None:
    account()

    sign_up(at("192.0.2.1"), "alice@example.com")

    assert User.objects.count() == EmailAddress.objects.count() == 1


def test_asking_for_a_link_looks_nobody_up() -> None:
    account()

    with CaptureQueriesContext(connection) as asked:
        ask_for_a_link(at("192.0.2.1"), "alice@example.com")

    about = [query["sql"] for query in asked.captured_queries]
    assert not any("account_emailaddress" in sql or "auth_user" in sql for sql in about)
