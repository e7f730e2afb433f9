"""Requests are whole or refused: in size, in time, and over all of them together."""

import asyncio

import pytest

from toolsite.tests.web.asgi_client import Wire, scope
from toolsite.tests.web.loop import run
from toolsite.web import request_reader
from toolsite.web.messages import Message
from toolsite.web.request_reader import Gone, RequestReader, RequestRefused


async def never() -> Message:
    """Be a visitor who says nothing more."""
    await asyncio.Event().wait()
    raise AssertionError


def test_parts_become_one_body_and_nothing_stays_held() -> None:
    reader = RequestReader()

    whole = run(reader.read(scope(), Wire(b"one ", b"two").receive))

    assert (whole, reader.held_bytes) == (b"one two", 0)


def test_a_body_that_says_it_is_too_large_is_refused_unread() -> None:
    declared = [(b"content-length", str(request_reader.MAX_BODY_BYTES + 1).encode())]

    with pytest.raises(RequestRefused) as refused:
        run(RequestReader().read(scope(headers=declared), never))

    assert refused.value.status == 413


def test_headers_that_are_too_long_are_refused() -> None:
    long = [(b"x-long", b"x" * request_reader.MAX_HEADER_BYTES)]

    with pytest.raises(RequestRefused) as refused:
        run(RequestReader().read(scope(headers=long), never))

    assert refused.value.status == 431


@pytest.mark.parametrize(
    "charset",
    [
        b"charset=hex",
        b"charset=unicode_escape",
        b'Charset = "utf-7"',
        b"charset*=nosuch''%41",
        b"charset*0=he; charset*1=x",
        b"charset=utf-8; charset=idna",
        b"charset=latin-1",
        b"charset",
    ],
)
def test_a_charset_other_than_utf_8_is_refused(charset: bytes) -> None:
    named = [(b"content-type", b"application/x-www-form-urlencoded; " + charset)]

    with pytest.raises(RequestRefused) as refused:
        run(RequestReader().read(scope(headers=named), never))

    assert refused.value.status == 415


@pytest.mark.parametrize(
    "kind",
    [
        b"application/x-www-form-urlencoded",
        b"application/x-www-form-urlencoded; charset=UTF-8",
        b'multipart/form-data; charset="utf8"; boundary=x',
    ],
)
def test_forms_in_utf_8_are_read(kind: bytes) -> None:
    headers = [(b"content-type", kind)]

    assert run(RequestReader().read(scope(headers=headers), Wire(b"a=b").receive)) == b"a=b"


def test_a_body_that_grows_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_reader, "MAX_BODY_BYTES", 5)
    reader = RequestReader()

    with pytest.raises(RequestRefused) as refused:
        run(reader.read(scope(), Wire(b"four", b"more", b"!").receive))

    assert (refused.value.status, reader.held_bytes) == (413, 0)


def test_a_body_that_takes_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_reader, "BODY_SECONDS", 0.01)

    with pytest.raises(RequestRefused) as refused:
        run(RequestReader().read(scope(), never))

    assert refused.value.status == 408


def test_all_bodies_together_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_reader, "MAX_BODIES_BYTES", 10)
    reader = RequestReader()
    reader.held_bytes = 8

    with pytest.raises(RequestRefused) as refused:
        run(reader.read(scope(), Wire(b"four").receive))

    assert (refused.value.status, reader.held_bytes) == (503, 8)


def test_a_visitor_who_goes_away_is_not_waited_for() -> None:
    with pytest.raises(Gone):
        run(RequestReader().read(scope(), Wire(b"half", gone=True).receive))
