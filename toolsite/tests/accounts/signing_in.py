"""People at the door: accounts with confirmed addresses, and browsers at other places."""

import re
from typing import Any

from allauth.account.models import EmailAddress
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client

from workflows.testing import drive_until_idle

PASSWORD = "correct-horse-7-battery"
LOGIN = "/accounts/login/"


def account(name: str = "alice", **fields: Any) -> User:
    """Return somebody who can sign in with the PASSWORD; all limits start anew."""
    cache.clear()
    user = User.objects.create_user(name, f"{name}@example.com", PASSWORD, **fields)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def at(place: str) -> Client:
    """Return a browser at this IP address."""
    return Client(REMOTE_ADDR=place)


def try_password(browser: Client, password: str, email: str = "alice@example.com") -> str:
    """Return what the page answers, "in" where it let us in."""
    answer = browser.post(LOGIN, {"login": email, "password": password})
    return "in" if "_auth_user_id" in browser.session else answer.content.decode()


def code_in(letters: list[Any]) -> str:
    """Return the code in the last letter, once the cluster has sent it."""
    drive_until_idle()
    [code] = re.findall(r"^[A-Z]{4}-[A-Z]{4}$", letters[-1].body, re.MULTILINE)
    return str(code)


def sign_in_by_code(browser: Client, letters: list[Any], email: str = "alice@example.com") -> bool:
    """Ask for a code and type what the mailbox has; say whether that let us in."""
    browser.post("/accounts/login/code/", {"email": email})
    browser.post("/accounts/login/code/confirm/", {"code": code_in(letters)})
    return "_auth_user_id" in browser.session
