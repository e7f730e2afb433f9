"""Letters about accounts: ordered in the request, made and sent by a run that tells nothing."""

import logging
import re
from io import StringIO
from smtplib import SMTPDataError
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.models import User
from django.core import mail
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.core.management import call_command
from django.db import connection
from django.test import Client, override_settings

from toolsite.tests.accounts.signing_in import PASSWORD, account, at, try_password
from workflows.api import RunView, get_history, list_runs
from workflows.testing import advance, drive_until_idle

pytestmark = pytest.mark.django_db

HERE = "toolsite.tests.accounts.test_letters"
SITE = "https://tools.example.org"
mandatory = override_settings(ACCOUNT_EMAIL_VERIFICATION="mandatory", SITE_URL=SITE)


class Away(BaseEmailBackend):
    """No mail server answers."""

    def send_messages(self, messages: Any) -> int:
        raise ConnectionRefusedError(111, "Connection refused")


class Talkative(BaseEmailBackend):
    """A mail server that quotes what it refuses."""

    refused: list[EmailMessage] = []

    def send_messages(self, messages: Any) -> int:
        Talkative.refused.extend(messages)
        raise SMTPDataError(554, messages[0].message().as_bytes())


def sign_up(browser: Client, email: str = "alice@example.com") -> Any:
    typed = {"email": email, "password1": PASSWORD, "password2": PASSWORD}
    return browser.post("/accounts/signup/", typed)


def ask_for_a_link(browser: Client, email: str = "alice@example.com") -> Any:
    return browser.post("/accounts/password/reset/", {"email": email})


def ask_for_a_code(browser: Client, email: str = "alice@example.com") -> Any:
    return browser.post("/accounts/login/code/", {"email": email})


def letter_runs() -> list[RunView]:
    return list(list_runs(workflow="accounts.letter"))


def links() -> list[str]:
    return [
        link for letter in mail.outbox for link in re.findall(r"https?://\S+", str(letter.body))
    ]


@mandatory
@override_settings(EMAIL_BACKEND=f"{HERE}.Away")
@pytest.mark.parametrize("ask", [sign_up, ask_for_a_link, ask_for_a_code])
@pytest.mark.parametrize("is_known", [True, False])
def test_with_mail_away_the_page_is_as_ever(ask: Any, is_known: bool) -> None:
    account("alice" if is_known else "bob")

    assert ask(at("192.0.2.1")).status_code == 302


@mandatory
@override_settings(EMAIL_BACKEND=f"{HERE}.Away")
def test_with_mail_away_the_first_sign_in_of_a_superuser_is_as_ever() -> None:
    account("bob")
    User.objects.create_superuser("root", "root@example.com", PASSWORD)

    said = at("192.0.2.1").post(
        "/accounts/login/", {"login": "root@example.com", "password": PASSWORD}
    )

    assert said["Location"] == "/accounts/confirm-email/"


@mandatory
def test_a_letter_leaves_once_the_mail_server_is_back() -> None:
    account("bob")
    with override_settings(EMAIL_BACKEND=f"{HERE}.Away"):
        sign_up(at("192.0.2.1"))
        drive_until_idle()
    assert letter_runs()[0].state == "waiting"

    advance(seconds=60)

    assert [letter.to for letter in mail.outbox] == [["alice@example.com"]]
    assert letter_runs()[0].state == "completed"


@mandatory
def test_the_link_of_a_sign_up_confirms_the_address() -> None:
    account("bob")
    sign_up(at("192.0.2.1"))
    drive_until_idle()
    [link] = links()

    Client().post(link.removeprefix(SITE))

    assert EmailAddress.objects.get(email="alice@example.com").verified


@mandatory
def test_the_link_of_a_reset_sets_a_new_password() -> None:
    account()
    ask_for_a_link(at("192.0.2.1"))
    drive_until_idle()
    [link] = links()
    browser = Client()
    form = browser.get(link.removeprefix(SITE))["Location"]

    browser.post(form, {"password1": "staple-9-horses", "password2": "staple-9-horses"})

    assert try_password(at("192.0.2.2"), "staple-9-horses") == "in"


@mandatory
def test_a_letter_about_an_address_that_was_confirmed_meanwhile_is_not_sent() -> None:
    account("bob")
    sign_up(at("192.0.2.1"))
    EmailAddress.objects.update(verified=True)

    drive_until_idle()

    assert mail.outbox == []
    assert letter_runs()[0].state == "completed"


@mandatory
@pytest.mark.parametrize(
    ("ask", "is_known", "subject"),
    [
        (sign_up, False, "Confirm your email address for Toolsite"),
        (sign_up, True, "You have an account on Toolsite"),
        (ask_for_a_link, True, "Choose a new password for Toolsite"),
        (ask_for_a_link, False, "No account on Toolsite with this address"),
        (ask_for_a_code, True, "Your code for Toolsite"),
        (ask_for_a_code, False, "No account on Toolsite with this address"),
    ],
)
def test_each_wish_gets_its_letter(ask: Any, is_known: bool, subject: str) -> None:
    account("alice" if is_known else "bob")
    ask(at("192.0.2.1"))

    drive_until_idle()

    assert [(letter.to, letter.subject) for letter in mail.outbox] == [
        (["alice@example.com"], subject)
    ]


def secrets_in(letters: list[Any]) -> list[str]:
    """Return what opens something: the last part of each link, and codes."""
    text = "\n".join(letter.body for letter in letters)
    keys = re.findall(r"(?:confirm-email|reset/key)/([^/\s]+)", text)
    return keys + re.findall(r"\b[A-Z]{4}-[A-Z]{4}\b", text)


@mandatory
@override_settings(EMAIL_BACKEND=f"{HERE}.Talkative")
@pytest.mark.parametrize(
    ("ask", "is_known"), [(sign_up, False), (ask_for_a_link, True), (ask_for_a_code, True)]
)
def test_no_run_and_no_log_tells_a_link_or_a_code(
    ask: Any, is_known: bool, caplog: pytest.LogCaptureFixture
) -> None:
    Talkative.refused.clear()
    account("alice" if is_known else "bob")
    caplog.set_level(logging.DEBUG)

    ask(at("192.0.2.1"))
    drive_until_idle()

    [run] = letter_runs()
    told = f"{run} {get_history(run.id)} {caplog.text}"
    [secret] = secrets_in(Talkative.refused)
    assert "code 554" in told
    assert secret not in told


@mandatory
def test_links_name_the_site_and_not_the_host_that_was_asked() -> None:
    account()
    ask_for_a_link(Client(HTTP_HOST="evil.localhost"))

    drive_until_idle()

    assert all(link.startswith(f"{SITE}/") for link in links())


@mandatory
def test_every_try_of_a_letter_has_the_same_message_id() -> None:
    Talkative.refused.clear()
    account()
    with override_settings(EMAIL_BACKEND=f"{HERE}.Talkative"):
        ask_for_a_link(at("192.0.2.1"))
        advance(seconds=10)

    ids = {letter.extra_headers["Message-ID"] for letter in Talkative.refused}
    assert len(Talkative.refused) > 1 and len(ids) == 1


def test_a_code_that_would_come_too_late_is_not_tried_any_more() -> None:
    account()
    with override_settings(EMAIL_BACKEND=f"{HERE}.Away"):
        ask_for_a_code(at("192.0.2.1"))
        advance(seconds=15 * 60)

    assert letter_runs()[0].state == "failed"


def test_each_account_of_an_unconfirmed_address_gets_its_own_link(mailoutbox: list[Any]) -> None:
    account("bob")
    for name in ("ana", "ben"):
        User.objects.create_user(name, "both@example.com", PASSWORD)

    ask_for_a_link(at("192.0.2.1"), "both@example.com")
    drive_until_idle()

    assert len(set(links())) == 2


def test_letters_that_left_a_month_ago_are_forgotten_and_those_that_did_not_are_kept() -> None:
    ask_for_a_link(Client())
    drive_until_idle()
    with override_settings(EMAIL_BACKEND=f"{HERE}.Away"):
        ask_for_a_link(Client(), "bob@example.com")
        drive_until_idle()
    later = "UPDATE workflows_run SET finished_at = finished_at - interval '31 days'"
    with connection.cursor() as cursor:
        cursor.execute(f"{later} WHERE finished_at IS NOT NULL")

    call_command("workflows_prune", stdout=StringIO(), stderr=StringIO())

    assert [run.input["email"] for run in letter_runs()] == ["bob@example.com"]
