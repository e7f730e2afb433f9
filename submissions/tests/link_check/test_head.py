"""The head of an answer: interim answers, many headers, large ones, odd ones."""

import pytest

from submissions.link_check import Code, Outcome
from submissions.link_check.bounds import MAX_HEADER_BYTES
from submissions.tests.link_check.hostile import (
    answer,
    check,
    check_against,
    resolve_names,
    routes,
    says,
    serving,
    trust_test_authority,
)

EARLY_HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n"


def headers_of(size: int, line_bytes: int = 1_000) -> list[str]:
    """Build headers that take so many bytes in all."""
    lines = [f"X-Padding: {'y' * (line_bytes - 13)}"] * (size // line_bytes)
    return [*lines, f"X-Last: {'y' * (size % line_bytes)}"]


@pytest.mark.parametrize(
    "interim",
    [
        EARLY_HINTS,
        EARLY_HINTS * 3,
        b"HTTP/1.1 102 Processing\r\n\r\n",
        b"HTTP/1.1 199\r\n\r\n",
        b"HTTP/1.0 110  Odd\nX: y\n\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" + EARLY_HINTS,
    ],
)
def test_interim_answers_are_skipped(interim: bytes) -> None:
    verdict = check_against(says(interim + answer()))

    assert (verdict.code, verdict.status, verdict.title) == (Code.OK, 200, "A tool")


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (EARLY_HINTS, Code.CONNECTION_LOST),
        (EARLY_HINTS + b"HTTP/1.1 10", Code.CONNECTION_LOST),
        (EARLY_HINTS + b"<p>words", Code.BAD_HTTP),
        (EARLY_HINTS * 30 + answer(), Code.BAD_HTTP),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + answer(), Code.BAD_HTTP),
        (b"HTTP/1.1 1030 Odd\r\n\r\n" + answer(), Code.BAD_HTTP),
    ],
)
def test_what_is_no_interim_answer_ends_the_check(reply: bytes, code: Code) -> None:
    assert check_against(says(reply)).code is code


@pytest.mark.parametrize(
    "headers",
    [
        [f"X-{number}: y" for number in range(500)],
        headers_of(100_000),
        headers_of(MAX_HEADER_BYTES - 500),
        [f"Content-Security-Policy: {'y' * 100_000}"],
        ["Set-Cookie: a=" + "y" * 1_000] * 110,
    ],
    ids=["500 lines", "100 kB", "nearly 128 kB", "one of 100 kB", "many cookies"],
)
@pytest.mark.parametrize("certificate", [None, "good"])
def test_large_headers_hide_no_page(
    monkeypatch: pytest.MonkeyPatch, headers: list[str], certificate: str | None
) -> None:
    trust_test_authority(monkeypatch)
    resolve_names(monkeypatch, {"tool.example.com": ["127.0.0.1"]})

    with serving(says(answer(headers=headers)), certificate=certificate) as server:
        verdict = check(server.url(host="tool.example.com"))

    assert (verdict.code, verdict.title) == (Code.OK, "A tool")


@pytest.mark.parametrize(
    "headers",
    [headers_of(MAX_HEADER_BYTES), [f"X: {'y' * MAX_HEADER_BYTES}"], headers_of(300_000, 50)],
    ids=["in many lines", "in one line", "in very many lines"],
)
def test_headers_beyond_the_limit_are_too_large(headers: list[str]) -> None:
    verdict = check_against(says(answer(headers=headers)))

    assert (verdict.outcome, verdict.code) == (Outcome.INVALID, Code.HEADERS_TOO_LARGE)


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (b"no colon here\r\nContent-Type: image/png", Code.NOT_A_PAGE),
        (b"Content-Type: image/\r\n png", Code.NOT_A_PAGE),
        (b"Content-Type:\r\n\timage/png", Code.NOT_A_PAGE),
        (b"CONTENT-TYPE:image/png", Code.NOT_A_PAGE),
        (b"X: y\r\n Content-Type: image/png", Code.OK),
        (b"X: y\rContent-Type: image/png", Code.OK),
        (b"Connection: close\rContent-Type: image/png", Code.OK),
        (b"Content-Type : image/png", Code.OK),
        (b": image/png", Code.OK),
    ],
)
def test_odd_lines_are_read_for_what_they_are(lines: bytes, code: Code) -> None:
    verdict = check_against(says(b"HTTP/1.1 200 OK\r\n" + lines + b"\r\n\r\n<p>x"))

    assert verdict.code is code


def test_a_target_that_is_spread_over_lines_is_followed() -> None:
    moved = b"HTTP/1.1 302 Found\r\nLocation:\r\n /there\r\n\r\n"

    with serving(routes({"/": moved, "/there": answer()})) as server:
        verdict = check(server.url())

    assert verdict.code is Code.OK


def test_a_target_of_many_kilobytes_is_too_long() -> None:
    verdict = check_against(says(b"HTTP/1.1 302 F\r\nLocation: /" + b"a" * 70_000 + b"\r\n\r\n"))

    assert verdict.code is Code.TOO_LONG
