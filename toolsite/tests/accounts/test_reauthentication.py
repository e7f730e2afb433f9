"""What changes whose account it is takes the password once more."""

import time
from unittest.mock import patch

import pytest
from allauth.account.models import EmailAddress
from django.test import Client

from toolsite.tests.accounts.signing_in import PASSWORD, account, at, try_password

pytestmark = pytest.mark.django_db

EMAIL = "/accounts/email/"
ADD = {"action_add": "", "email": "second@example.com"}


def signed_in() -> Client:
    browser = at("192.0.2.1")
    assert try_password(browser, PASSWORD) == "in"
    return browser


@pytest.mark.parametrize("action", ["action_add", "action_remove", "action_primary"])
def test_addresses_take_the_password_again(action: str) -> None:
    user = account()
    EmailAddress.objects.create(user=user, email="other@example.com", verified=True)
    before = list(user.emailaddress_set.values())  # type: ignore[attr-defined]
    email = "second@example.com" if action == "action_add" else "other@example.com"

    said = signed_in().post(EMAIL, {action: "", "email": email})

    assert said["Location"].startswith("/accounts/reauthenticate/")
    assert list(user.emailaddress_set.values()) == before  # type: ignore[attr-defined]


def test_with_the_password_the_address_is_added() -> None:
    user = account()
    browser = signed_in()
    asked = browser.post(EMAIL, ADD)["Location"]

    browser.post(asked, {"password": PASSWORD, "next": EMAIL})

    assert EmailAddress.objects.filter(user=user, email="second@example.com").exists()


def test_with_a_wrong_password_it_is_not() -> None:
    account()
    browser = signed_in()
    asked = browser.post(EMAIL, ADD)["Location"]

    browser.post(asked, {"password": "wrong", "next": EMAIL})

    assert not EmailAddress.objects.filter(email="second@example.com").exists()


def test_one_account_sends_so_many_forms_about_addresses_an_hour() -> None:
    account()
    browser = signed_in()
    now = time.time()
    with patch("allauth.core.internal.ratelimit.time.time") as clock:
        answers = []
        for number in range(40):
            clock.return_value = now + number * 20
            answers.append(browser.post(EMAIL, ADD).status_code)

    assert answers == [302] * 30 + [429] * 10
