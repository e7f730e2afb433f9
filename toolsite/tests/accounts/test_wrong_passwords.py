"""Wrong passwords: who guesses is stopped, whoever the account belongs to gets in."""

from typing import Any

import pytest

from toolsite.tests.accounts.signing_in import (
    PASSWORD,
    account,
    at,
    sign_in_by_code,
    try_password,
)

pytestmark = pytest.mark.django_db

STOPPED = "Too many failed login attempts"


def test_five_wrong_passwords_stop_whoever_guesses() -> None:
    account()
    guesser = at("192.0.2.1")
    for _ in range(5):
        try_password(guesser, "wrong")

    assert STOPPED in try_password(guesser, PASSWORD)


def test_the_right_password_from_elsewhere_gets_in() -> None:
    account()
    guesser = at("192.0.2.1")
    for _ in range(12):
        try_password(guesser, "wrong")

    assert try_password(at("192.0.2.2"), PASSWORD) == "in"


def test_an_ipv6_network_is_one_place() -> None:
    account()
    for number in range(5):
        try_password(at(f"2001:db8::{number + 1}"), "wrong")

    assert STOPPED in try_password(at("2001:db8::99"), PASSWORD)
    assert try_password(at("2001:db8:0:1::1"), PASSWORD) == "in"


def test_guesses_from_many_places_are_bounded() -> None:
    account()
    said = [try_password(at(f"192.0.2.{place}"), "wrong") for place in range(1, 41)]

    assert sum(STOPPED not in each for each in said) == 30


def test_who_is_caught_in_that_bound_gets_in_by_a_mailed_code(mailoutbox: list[Any]) -> None:
    account()
    for place in range(1, 41):
        try_password(at(f"192.0.2.{place}"), "wrong")
    owner = at("198.51.100.1")

    said = try_password(owner, PASSWORD)

    assert STOPPED in said and "/accounts/login/code/" in said
    assert sign_in_by_code(owner, mailoutbox)


def test_right_passwords_use_nothing_up() -> None:
    account()

    assert {try_password(at("192.0.2.1"), PASSWORD) for _ in range(12)} == {"in"}


def test_nobody_can_use_up_somebody_elses_codes(mailoutbox: list[Any]) -> None:
    account()
    wish = {"email": "alice@example.com"}
    said = [at("192.0.2.1").post("/accounts/login/code/", wish) for _ in range(5)]

    assert "Too many codes" in said[-1].content.decode()
    assert sign_in_by_code(at("198.51.100.1"), mailoutbox)


def test_nobody_can_use_up_somebody_elses_password_links(mailoutbox: list[Any]) -> None:
    account()
    stranger, owner = at("192.0.2.1"), at("198.51.100.1")
    wish = {"email": "alice@example.com"}
    said = [stranger.post("/accounts/password/reset/", wish).status_code for _ in range(8)]

    assert said[-1] == 429
    assert owner.post("/accounts/password/reset/", wish).status_code == 302
