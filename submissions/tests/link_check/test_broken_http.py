"""Answers that are no HTTP, or break off."""

import gzip
import logging
import socket
import struct

import pytest

from submissions.link_check import Code, Outcome
from submissions.tests.link_check.hostile import (
    PORTS,
    Peer,
    answer,
    check,
    check_against,
    listen,
    says,
)

GARBAGE: list[bytes] = [
    b"SSH-2.0-OpenSSH_9.2p1\r\n",
    b"220 mail.example.com ESMTP\r\n",
    b"-ERR unknown command 'GET'\r\n",
    b"<html>HTTP/0.9 has no headers</html>",
    b"hello",
    b"\r\n\r\n",
    b"\x00\x01\x02\x03\r\n",
    b"HTTP/2.0 200 OK\r\n\r\nx",
    b"HTTP/1.1\r\n\r\n",
    b"HTTP/1.1 abc OK\r\n\r\nx",
    b"HTTP/1.1 20 OK\r\n\r\nx",
    b"HTTP/1.1 2000 OK\r\n\r\nx",
    b"HTTP/1.1 -200 OK\r\n\r\nx",
    b"HTTP/9.9 200 OK\r\n\r\nx",
    b"ICY 200 OK\r\n\r\nx",
    b"HTTP/1.1 200 " + b"x" * 70_000,
    b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n" * 3_000,
]

BROKEN_OFF: list[bytes] = [
    b"",
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nX-Fra",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<p>half",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\n<p>half",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    answer(gzip.compress(b"<p>" * 9_000), headers=["Content-Encoding: gzip"])[:-20],
]

ODD_BUT_READABLE: list[bytes] = [
    b"HTTP/1.1 200 OK\r\nContent-Length: abc\r\n\r\n<p>x",
    b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n<p>x",
    b"HTTP/1.1 200 OK\r\nContent-Length: 1_0\r\n\r\n<p>x" + b"x" * 6,
    b"HTTP/1.1 200 OK\nContent-Length: 4\n\n<p>x",
    b"HTTP/1.1 200 OK\r\nno colon here\r\nContent-Length: 4\r\n\r\n<p>x",
    b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n<p>x\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nSet-Cookie: \x00\xff; Expires=99999; Domain=\r\n\r\n<p>x",
    b"HTTP/1.1 200 \xff\xfe\r\nX-\xe9: \xff\r\n\r\n<p>x",
    b"HTTP/0.9 200 OK\r\n\r\n<p>x",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n<p>x",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n<p>x",
]


@pytest.mark.parametrize("reply", GARBAGE, ids=range(len(GARBAGE)))
def test_what_is_not_http_is_invalid(reply: bytes) -> None:
    verdict = check_against(says(reply))

    assert (verdict.outcome, verdict.code) == (Outcome.INVALID, Code.BAD_HTTP)


@pytest.mark.parametrize("reply", BROKEN_OFF, ids=range(len(BROKEN_OFF)))
def test_an_answer_that_breaks_off_is_tried_again(reply: bytes) -> None:
    verdict = check_against(says(reply))

    assert (verdict.outcome, verdict.code) == (Outcome.TRY_AGAIN, Code.CONNECTION_LOST)


@pytest.mark.parametrize("reply", ODD_BUT_READABLE, ids=range(len(ODD_BUT_READABLE)))
def test_an_odd_answer_ends_in_a_verdict(reply: bytes) -> None:
    verdict = check_against(says(reply))

    assert verdict.code in {Code.OK, Code.BAD_HTTP, Code.CONNECTION_LOST}


def reset(peer: Peer) -> None:
    peer.wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.wire.close()


def reset_before_the_answer(peer: Peer) -> None:
    peer.read_request()
    reset(peer)


def reset_in_the_headers(peer: Peer) -> None:
    peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\nX-")
    reset(peer)


def reset_in_the_body(peer: Peer) -> None:
    peer.read_request()
    peer.send(answer(b"x" * 60_000)[:1_000])
    reset(peer)


@pytest.mark.parametrize(
    "script", [reset, reset_before_the_answer, reset_in_the_headers, reset_in_the_body]
)
def test_a_reset_is_tried_again(script: object) -> None:
    verdict = check_against(script)  # type: ignore[arg-type]

    assert (verdict.outcome, verdict.code) == (Outcome.TRY_AGAIN, Code.CONNECTION_LOST)


def test_a_closed_port_is_tried_again() -> None:
    listener = listen("127.0.0.1")
    port: int = listener.getsockname()[1]
    listener.close()

    verdict = check(f"http://127.0.0.1:{port}/")

    assert port in PORTS
    assert (verdict.outcome, verdict.code) == (Outcome.TRY_AGAIN, Code.CONNECTION_REFUSED)
    assert verdict.status is None


def test_a_server_that_answers_before_it_is_asked_is_heard() -> None:
    verdict = check_against(lambda peer: peer.send(answer()))

    assert verdict.code in {Code.OK, Code.CONNECTION_LOST}


def test_a_stranger_s_words_are_not_written_to_our_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    verdict = check_against(says(b"HTTP/1.1 200 OK\r\nlook here\r\nX: y\r\n\r\n<p>x"))

    assert verdict.code is Code.OK
    assert caplog.records == []
