"""Sites that let no machine in: a person may see more than the check."""

import pytest

from submissions.link_check import Code, Outcome, explain
from submissions.tests.link_check.hostile import (
    Peer,
    answer,
    check_against,
    redirect,
    routes,
    says,
)

HTML = b"<!doctype html><title>A tool</title><p>Welcome"


def titled(title: str) -> bytes:
    return f"<html><head><title>{title}</title></head><body>Please wait".encode()


@pytest.mark.parametrize(
    "status",
    [
        "401 Unauthorized",
        "402 Payment Required",
        "403 Forbidden",
        "407 Proxy Authentication Required",
        "451 Unavailable For Legal Reasons",
    ],
)
def test_a_site_that_lets_us_not_in_is_for_a_person(status: str) -> None:
    verdict = check_against(says(answer(HTML, status, ["Retry-After: 30"])))

    assert (verdict.outcome, verdict.code) == (Outcome.ASK_A_PERSON, Code.FORBIDDEN)
    assert verdict.status == int(status.split()[0])
    assert verdict.retry_after_seconds is None


@pytest.mark.parametrize(
    "reply",
    [
        answer(HTML, "403 Forbidden", ["CF-Mitigated: challenge"]),
        answer(HTML, "503 Service Unavailable", ["cf-mitigated: Challenge ", "Retry-After: 1"]),
        answer(HTML, "429 Too Many Requests", ["x-vercel-mitigated: challenge"]),
        answer(HTML, "403 Forbidden", ["x-vercel-mitigated: deny"]),
        answer(b"", "202 Accepted", ["x-amzn-waf-action: challenge"]),
        answer(HTML, "405 Method Not Allowed", ["x-amzn-waf-action: captcha"]),
        answer(HTML, "999 Request denied"),
        answer(titled("Just a moment...")),
        answer(titled("Attention Required! | Cloudflare")),
        answer(titled("Making sure you&#39;re not a bot!")),
        answer(titled("Making sure you\u2019re not a bot!")),
        answer(titled(" Robot  Check ")),
    ],
)
def test_a_wall_against_robots_is_for_a_person(reply: bytes) -> None:
    verdict = check_against(says(reply))

    assert (verdict.outcome, verdict.code) == (Outcome.ASK_A_PERSON, Code.BOT_WALL)
    assert "robots" in explain(verdict)


@pytest.mark.parametrize(
    "reply",
    [
        answer(HTML, headers=["cf-mitigated: no", "x-amzn-waf-action: allow"]),
        answer(titled("Just a moment... of your time: a timer")),
        answer(titled("Robot Check for factories")),
    ],
)
def test_a_page_that_only_resembles_a_wall_is_a_page(reply: bytes) -> None:
    assert check_against(says(reply)).outcome is Outcome.VALID


def test_a_wall_behind_a_redirect_is_for_a_person() -> None:
    table = {"/": redirect("/there"), "/there": answer(HTML, "403 Forbidden")}

    verdict = check_against(routes(table))

    assert (verdict.outcome, verdict.code) == (Outcome.ASK_A_PERSON, Code.FORBIDDEN)
    assert explain(verdict).startswith("After a redirect to ")


@pytest.mark.parametrize(
    "status", ["404 Not Found", "500 Internal Server Error", "400 Bad Request"]
)
def test_the_title_of_a_refusal_makes_no_wall(status: str) -> None:
    verdict = check_against(says(answer(titled("Just a moment..."), status)))

    assert verdict.outcome in {Outcome.INVALID, Outcome.TRY_AGAIN}


def test_a_bad_request_whose_page_does_not_come_is_refused_all_the_same() -> None:
    def silent(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 50\r\n\r\nhalf")

    assert check_against(silent).code is Code.CLIENT_ERROR
