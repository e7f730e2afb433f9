"""What a site answers, and what the check makes of it."""

import gzip
import random
import zlib
from ipaddress import ip_network

import pytest

from submissions.link_check import Code, Outcome, check_link
from submissions.tests.link_check.hostile import (
    IN_TIME_SECONDS,
    answer,
    check,
    check_against,
    redirect,
    says,
    serving,
)

HTML = b"<!doctype html><title>A tool</title><p>Welcome"


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


def test_a_page_is_valid_and_told_about() -> None:
    with serving(says(answer(HTML))) as server:
        url = server.url("/tool?x=1")

        verdict = check(url + "#top")

    assert verdict.outcome is Outcome.VALID
    assert verdict.code is Code.OK
    assert verdict.status == 200
    assert verdict.final_url == url
    assert verdict.hops == (url,)
    assert verdict.title == "A tool"
    assert verdict.retry_after_seconds is None
    assert 0 < verdict.seconds < IN_TIME_SECONDS


@pytest.mark.parametrize(
    "reply",
    [
        answer(HTML, "201 Created"),
        answer(HTML, "206 Partial Content"),
        answer(b"plain words", content_type="text/plain"),
        answer(b"<html xmlns=''/>", content_type="application/xhtml+xml"),
        answer(b'{"name": "tool"}', content_type="application/json"),
        answer(HTML, content_type=None),
        answer(HTML, content_type="TEXT/HTML ; charset=x"),
        answer("caf\u00e9 \u4f8b".encode(), content_type="text/html"),
        answer("<p>caf\u00e9".encode("latin-1"), content_type="text/html"),
        answer("\ufeff<p>wide".encode("utf-16-le"), content_type="text/html"),
        answer("<p>wide".encode("utf-16-le"), content_type="text/html; charset=UTF-16LE"),
        answer(gzip.compress(HTML), headers=["Content-Encoding: gzip"]),
        answer(gzip.compress(HTML), headers=["Content-Encoding: X-GZIP"]),
        answer(zlib.compress(HTML), headers=["Content-Encoding: deflate"]),
        answer(raw_deflate(HTML), headers=["Content-Encoding: deflate"]),
        answer(HTML, headers=["Content-Encoding: identity"]),
        answer(HTML, headers=["Content-Encoding: none"]),
        answer(HTML, headers=["Content-Encoding: NONE , identity"]),
        answer(HTML, headers=["Content-Encoding: utf-8"]),
        answer(gzip.compress(HTML), headers=["Content-Encoding: gzip, none"]),
        answer(
            gzip.compress(HTML), headers=["Content-Encoding: identity", "Content-Encoding: gzip"]
        ),
        answer(gzip.compress(b"") + gzip.compress(HTML), headers=["Content-Encoding: gzip"]),
        answer(gzip.compress(b"") * 500 + gzip.compress(HTML), headers=["Content-Encoding: gzip"]),
        answer(gzip.compress(HTML) + b"\0" * 512, headers=["Content-Encoding: gzip"]),
        answer(gzip.compress(HTML) + b"words", headers=["Content-Encoding: gzip"]),
        answer(HTML * 5_000),
        answer(gzip.compress(HTML * 5_000), headers=["Content-Encoding: gzip"]),
        answer(HTML, headers=[f"X-{number}: y" for number in range(90)]),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;ext=1\r\nhello\r\n0\r\nX: y\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nuntil the end",
        b"HTTP/1.0 200 OK\r\n\r\nuntil the end",
        b"HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 100 Continue\r\n\r\n" + answer(HTML),
    ],
)
def test_a_page_with_something_in_it_is_valid(reply: bytes) -> None:
    verdict = check_against(says(reply))

    assert (verdict.outcome, verdict.code) == (Outcome.VALID, Code.OK)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("300 Multiple Choices", Code.UNEXPECTED_STATUS),
        ("304 Not Modified", Code.UNEXPECTED_STATUS),
        ("305 Use Proxy", Code.UNEXPECTED_STATUS),
        ("400 Bad Request", Code.CLIENT_ERROR),
        ("404 Not Found", Code.NOT_FOUND),
        ("405 Method Not Allowed", Code.CLIENT_ERROR),
        ("406 Not Acceptable", Code.CLIENT_ERROR),
        ("410 Gone", Code.NOT_FOUND),
        ("418 I'm a teapot", Code.CLIENT_ERROR),
        ("499 Odd", Code.CLIENT_ERROR),
        ("101 Switching Protocols", Code.BAD_HTTP),
        ("600 Odd", Code.BAD_HTTP),
        ("998 Odd", Code.BAD_HTTP),
    ],
)
def test_a_refusing_status_is_invalid(status: str, code: Code) -> None:
    verdict = check_against(says(answer(HTML, status, ["Retry-After: 30", "Location: /x"])))

    assert (verdict.outcome, verdict.code) == (Outcome.INVALID, code)
    assert verdict.status == int(status.split()[0])
    assert verdict.retry_after_seconds is None


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("408 Request Timeout", Code.NOT_READY),
        ("425 Too Early", Code.NOT_READY),
        ("429 Too Many Requests", Code.RATE_LIMITED),
        ("500 Internal Server Error", Code.SERVER_ERROR),
        ("501 Not Implemented", Code.SERVER_ERROR),
        ("502 Bad Gateway", Code.SERVER_ERROR),
        ("503 Service Unavailable", Code.SERVER_ERROR),
        ("504 Gateway Timeout", Code.SERVER_ERROR),
        ("522 Odd", Code.SERVER_ERROR),
        ("599 Odd", Code.SERVER_ERROR),
    ],
)
@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ([], None),
        (["Retry-After: 30"], 30.0),
        (["Retry-After: 0"], 1.0),
        (["Retry-After: 86400"], 3600.0),
        (["Retry-After: Fri, 31 Dec 9999 23:59:59 GMT"], 3600.0),
        (["Retry-After: whenever"], None),
        (["Retry-After: 30", "Retry-After: 40"], None),
    ],
)
def test_a_passing_status_is_tried_again_when_the_site_says(
    status: str, code: Code, header: list[str], seconds: float | None
) -> None:
    verdict = check_against(says(answer(HTML, status, header)))

    assert (verdict.outcome, verdict.code) == (Outcome.TRY_AGAIN, code)
    assert verdict.retry_after_seconds == seconds


@pytest.mark.parametrize(
    "reply",
    [
        answer(b""),
        answer(b"", "204 No Content"),
        answer(b"  \r\n\t \n"),
        answer(gzip.compress(b""), headers=["Content-Encoding: gzip"]),
        answer(gzip.compress(b"") * 5, headers=["Content-Encoding: gzip"]),
        answer(gzip.compress(b"") + b"words", headers=["Content-Encoding: gzip"]),
        answer(b"", headers=["Content-Encoding: gzip"]),
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
def test_a_page_with_nothing_in_it_is_invalid(reply: bytes) -> None:
    verdict = check_against(says(reply))

    assert (verdict.outcome, verdict.code) == (Outcome.INVALID, Code.EMPTY)


@pytest.mark.parametrize(
    "reply",
    [
        answer(b"\x89PNG\r\n\x1a\n\x00", content_type="image/png"),
        answer(b"<svg/>", content_type="image/svg+xml"),
        answer(b"%PDF-1.7", content_type="application/pdf"),
        answer(b"words", content_type="application/octet-stream"),
        answer(b"PK\x03\x04", content_type="application/zip"),
        answer(b"words", content_type="video/mp4"),
        answer(b"words", content_type="nonsense"),
        answer(b"\x7fELF\x02\x01\x01\x00\x00", content_type="text/html"),
        answer(b"\x7fELF\x02\x01\x01\x00\x00", content_type=None),
        answer(b"<p>" + b"\x00" * 100),
        answer(gzip.compress(b"<p>\x01\x02"), headers=["Content-Encoding: gzip"]),
    ],
)
def test_a_file_is_not_a_page(reply: bytes) -> None:
    verdict = check_against(says(reply))

    assert (verdict.outcome, verdict.code) == (Outcome.INVALID, Code.NOT_A_PAGE)


@pytest.mark.parametrize(
    "content_type", ["text/html", "application/xhtml+xml", "text/plain", "application/json"]
)
@pytest.mark.parametrize(
    "page",
    [b"<p>x\x0by", b"\x01<p>x", b"<p>A page of words with \x00 one in it" + b"\x02 far on." * 3],
)
def test_a_stray_control_character_in_what_is_declared_a_text_makes_no_file(
    content_type: str, page: bytes
) -> None:
    stray = page[:1_000].ljust(1_000, b".")

    verdicts = [
        check_against(says(answer(each, content_type=content_type))) for each in (page[:30], stray)
    ]

    assert [verdict.code for verdict in verdicts] == [Code.OK, Code.OK]


def test_random_bytes_declared_a_page_are_a_file() -> None:
    verdict = check_against(says(answer(random.Random(7).randbytes(4_000))))

    assert verdict.code is Code.NOT_A_PAGE


@pytest.mark.parametrize(
    "reply",
    [
        answer(HTML, headers=["Content-Encoding: gzip"]),
        answer(HTML, headers=["Content-Encoding: deflate"]),
        answer(HTML, headers=["Content-Encoding: br"]),
        answer(HTML, headers=["Content-Encoding: zstd"]),
        answer(gzip.compress(gzip.compress(HTML)), headers=["Content-Encoding: gzip, gzip"]),
        answer(gzip.compress(HTML), headers=["Content-Encoding: gzip"] * 2),
    ],
)
def test_a_page_that_cannot_be_unpacked_is_invalid(reply: bytes) -> None:
    verdict = check_against(says(reply))

    assert (verdict.outcome, verdict.code) == (Outcome.INVALID, Code.UNREADABLE)


@pytest.mark.parametrize(
    ("page", "title"),
    [
        (b"<p>none", None),
        (b"<title></title>x", None),
        (b"<title> \n </title>x", None),
        (b"<TITLE lang=en>\n A \t tool\n</TITLE>", "A tool"),
        (b"<title>Tom &amp; Jerry&#39;s</title>", "Tom & Jerry's"),
        (b"<title>&lt;script&gt;alert(1)&lt;/script&gt;</title>", "<script>alert(1)</script>"),
        ("<title>caf\u00e9 \u202egpj\u200b</title>".encode(), "caf\u00e9 gpj"),
        (b"<title>\xff\xfe</title>", "\ufffd\ufffd"),
        (b"<title>&#0;&#x202e;x</title>", "\ufffdx"),
        (b"<title>" + b"x" * 500 + b"</title>", "x" * 120),
        (b"<title>" + b"x" * 5_000 + b"</title>", None),
        (b"<title", None),
        (b"<title>never closed", None),
    ],
)
def test_a_title_is_short_plain_text(page: bytes, title: str | None) -> None:
    verdict = check_against(says(answer(page)))

    assert verdict.title == title


def test_a_page_made_to_tie_a_title_search_in_knots_costs_nothing() -> None:
    page = gzip.compress(b"<title" * 40_000)

    verdict = check_against(says(answer(page, headers=["Content-Encoding: gzip"])), 1.0)

    assert verdict.code is Code.OK
    assert verdict.seconds < 1.0


def test_a_page_over_ipv6_is_fetched_where_its_network_is_allowed() -> None:
    with serving(says(answer(HTML)), host="::1") as server:
        allowed = check_link(server.url(), allow=[ip_network("::1/128")])
        refused = check(server.url())

    assert allowed.code is Code.OK
    assert refused.code is Code.IP_LITERAL
    assert server.accepted == 1


def test_a_redirect_answer_is_not_a_page_whatever_it_holds() -> None:
    verdict = check_against(says(redirect("/", "304 Not Modified")))

    assert verdict.code is Code.UNEXPECTED_STATUS
