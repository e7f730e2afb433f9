"""Time, bytes and memory stay bounded, whatever the other side does."""

import gzip
import socket
import tracemalloc
import zlib
from collections.abc import Callable

import pytest

from submissions.link_check import Code, Outcome
from submissions.link_check.bounds import (
    MAX_BODY_BYTES,
    MAX_PAGE_BYTES,
    MAX_RAW_BYTES,
    MAX_REDIRECTS,
    Allowance,
)
from submissions.tests.link_check.hostile import (
    IN_TIME_SECONDS,
    SHORT_SECONDS,
    Peer,
    Script,
    answer,
    check,
    check_against,
    listen,
    redirect,
    says,
    serving,
)

DRIP_SECONDS = 0.02
ENDLESS_SENT_BYTES = 512 * 1024
"""What fits in both kernels' buffers, and far below what an endless sender would get rid of."""


def silent(peer: Peer) -> None:
    peer.wait_for_the_end()


def silent_after_the_request(peer: Peer) -> None:
    peer.read_request()
    peer.wait_for_the_end()


def dripping(start: bytes, drop: bytes) -> Script:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(start)
        peer.send_forever(drop, DRIP_SECONDS)

    return script


def silent_after(start: bytes) -> Script:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.send(start)
        peer.wait_for_the_end()

    return script


def slow_redirects(peer: Peer) -> None:
    target = peer.read_request().decode()
    if not peer.pause(SHORT_SECONDS / 3):
        peer.send(redirect(f"{target}x"))


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"

SLOW: dict[str, Script] = {
    "no answer": silent_after_the_request,
    "not even reading": silent,
    "a dripping status line": dripping(b"HTTP/1.1 200 ", b"O"),
    "one dripping header": dripping(OK + b"X: ", b"y"),
    "many dripping headers": dripping(OK, b"X: y\r\n" * 2),
    "interim answers": dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "an interim answer's headers": dripping(b"HTTP/1.1 100 Continue\r\n", b"X: y\r\n"),
    "headers that stop": silent_after(OK + b"X: y\r\n"),
    "a body that never comes": silent_after(OK + b"Content-Length: 5\r\n\r\n"),
    "a dripping body of known length": dripping(OK + b"Content-Length: 60000\r\n\r\n", b"x"),
    "a dripping body without length": dripping(OK + b"\r\n", b"x"),
    "dripping chunks": dripping(CHUNKED, b"1\r\nx\r\n"),
    "a dripping chunk size": dripping(CHUNKED, b"0"),
    "a dripping chunk extension": dripping(CHUNKED + b"5;", b"x"),
    "dripping trailers": dripping(CHUNKED + b"1\r\nx\r\n0\r\n", b"X: y\r\n"),
    "slow redirects": slow_redirects,
}

ENDLESS: dict[str, tuple[bytes, bytes, Code]] = {
    "a status line": (b"HTTP/1.1 200 ", b"x" * 4_096, Code.BAD_HTTP),
    "one header": (OK + b"X: ", b"y" * 4_096, Code.HEADERS_TOO_LARGE),
    "one header that is read": (OK + b"Location: ", b"y" * 4_096, Code.HEADERS_TOO_LARGE),
    "folded headers": (OK + b"X: y\r\n", b" y\r\n" * 1_024, Code.HEADERS_TOO_LARGE),
    "a folded header that is read": (
        OK + b"Location: y\r\n",
        b" y\r\n" * 1_024,
        Code.HEADERS_TOO_LARGE,
    ),
    "headers": (OK, b"X: y\r\n" * 512, Code.HEADERS_TOO_LARGE),
    "headers that are read": (OK, b"Set-Cookie: y\r\n" * 256, Code.HEADERS_TOO_LARGE),
    "empty lines of a header": (OK + b"X:\r\n", b"\t\n" * 2_048, Code.HEADERS_TOO_LARGE),
    "interim answers": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 128, Code.BAD_HTTP),
    "early hints": (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 128, Code.BAD_HTTP),
    "an interim answer's headers": (
        b"HTTP/1.1 100 Continue\r\n",
        b"X: y\r\n" * 512,
        Code.HEADERS_TOO_LARGE,
    ),
    "a body": (OK + b"\r\n", b"x" * 4_096, Code.OK),
    "a body said to be huge": (OK + b"Content-Length: 99999999999\r\n\r\n", b"x" * 4_096, Code.OK),
    "a body said to be negative": (OK + b"Content-Length: -1\r\n\r\n", b"x" * 4_096, Code.OK),
    "small chunks": (CHUNKED, b"1\r\nx\r\n" * 512, Code.OK),
    "one huge chunk": (CHUNKED + b"FFFFFFFFFFFF\r\n", b"x" * 4_096, Code.OK),
    "a negative chunk": (CHUNKED + b"-1\r\n", b"x" * 4_096, Code.OK),
    "a chunk size": (CHUNKED, b"0" * 4_096, Code.BAD_HTTP),
    "a chunk extension": (CHUNKED + b"5;", b"x" * 4_096, Code.BAD_HTTP),
    "trailers": (CHUNKED + b"1\r\nx\r\n0\r\n", b"X: y\r\n" * 512, Code.OK),
    "a redirect's body": (
        b"HTTP/1.1 302 F\r\nLocation: ftp://x/\r\n\r\n",
        b"x" * 4_096,
        Code.SCHEME,
    ),
    "a refusal's body": (b"HTTP/1.1 404 N\r\n\r\n", b"x" * 4_096, Code.NOT_FOUND),
}


@pytest.mark.parametrize("script", SLOW.values(), ids=SLOW.keys())
def test_a_slow_answer_ends_with_the_budget(script: Script) -> None:
    verdict = check_against(script, SHORT_SECONDS)

    assert (verdict.outcome, verdict.code) == (Outcome.TRY_AGAIN, Code.TOO_SLOW)
    assert SHORT_SECONDS <= verdict.seconds < IN_TIME_SECONDS


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of everything read from sockets, in order."""
    sizes: list[int] = []
    count = Allowance.count

    def counting(self: Allowance, received_bytes: int) -> None:
        sizes.append(received_bytes)
        count(self, received_bytes)

    monkeypatch.setattr(Allowance, "count", counting)
    return sizes


@pytest.mark.parametrize(("start", "rest", "code"), ENDLESS.values(), ids=ENDLESS.keys())
def test_an_endless_answer_is_read_no_further_than_its_limit(
    received: list[int], start: bytes, rest: bytes, code: Code
) -> None:
    def endless(peer: Peer) -> None:
        peer.read_request()
        peer.send(start)
        peer.send_forever(rest)

    with serving(endless) as server:
        verdict = check(server.url())

    assert verdict.code in {code, Code.EMPTY if code is Code.OK else code}
    assert sum(received) <= MAX_RAW_BYTES
    assert server.sent_bytes < ENDLESS_SENT_BYTES


def test_a_page_larger_than_the_limit_is_valid_by_its_beginning(received: list[int]) -> None:
    page = b"<title>Large</title>" + b"x" * 5_000_000

    verdict = check_against(says(answer(page)))

    assert (verdict.code, verdict.title) == (Code.OK, "Large")
    assert MAX_BODY_BYTES <= sum(received) <= MAX_RAW_BYTES


def test_a_site_that_asks_for_a_new_cookie_each_time_gains_no_bytes_by_it(
    received: list[int],
) -> None:
    def ever_new(peer: Peer) -> None:
        peer.read_request()
        number = len(peer.server.requests)
        large = [f"X: {'y' * 1_000}"] * 120
        peer.send(redirect("/", headers=[f"Set-Cookie: a={number}", *large]))
        peer.send_forever(b"x" * 4_096)

    with serving(ever_new) as server:
        verdict = check(server.url())

    assert verdict.code is Code.TOO_MANY_REDIRECTS
    assert server.accepted == MAX_REDIRECTS + 1
    assert sum(received) <= (MAX_REDIRECTS + 1) * MAX_RAW_BYTES


def bomb(*layers: Callable[[bytes], bytes]) -> bytes:
    packed = b"<title>Boom</title>" + b" " * 50_000_000
    for pack in layers:
        packed = pack(packed)
    return packed


@pytest.mark.parametrize(
    ("layers", "encoding", "code"),
    [
        ([gzip.compress], "gzip", Code.OK),
        ([zlib.compress], "deflate", Code.OK),
        ([gzip.compress, gzip.compress], "gzip", Code.NOT_A_PAGE),
        ([gzip.compress, gzip.compress], "gzip, gzip", Code.UNREADABLE),
    ],
)
def test_a_bomb_is_unpacked_no_further_than_its_limit(
    layers: list[Callable[[bytes], bytes]], encoding: str, code: Code
) -> None:
    body = bomb(*layers)
    with serving(says(answer(body, headers=[f"Content-Encoding: {encoding}"]))) as server:
        check(server.url())
        tracemalloc.start()
        verdict = check(server.url())
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert verdict.code is code
    assert peak_bytes < 8 * MAX_PAGE_BYTES


def test_a_connection_that_is_never_accepted_ends_with_the_budget() -> None:
    """A full backlog: the kernel drops our SYN, as a firewall would."""
    listener = listen("127.0.0.1")
    listener.listen(0)
    port: int = listener.getsockname()[1]
    fillers = []
    for _ in range(4):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(("127.0.0.1", port))
        fillers.append(filler)

    verdict = check(f"http://127.0.0.1:{port}/", SHORT_SECONDS)

    for each in (*fillers, listener):
        each.close()
    assert (verdict.outcome, verdict.code) == (Outcome.TRY_AGAIN, Code.TOO_SLOW)
    assert SHORT_SECONDS <= verdict.seconds < IN_TIME_SECONDS


def test_a_budget_of_nothing_is_a_verdict_too() -> None:
    with serving(says(answer())) as server:
        verdict = check(server.url(), 0.0)

    assert verdict.code is Code.TOO_SLOW
    assert server.accepted == 0
