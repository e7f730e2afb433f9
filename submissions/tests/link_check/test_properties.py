"""What holds for every link there is, tried on many that nobody thought of. Pure."""

import io
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import urlsplit

import pytest
import requests
from hypothesis import example, given, strategies as st
from urllib3.util import parse_url

from submissions.link_check import LinkSyntaxError, normalise_link, validate_link_syntax
from submissions.link_check.addresses import (
    NOT_PUBLIC_V4,
    NOT_PUBLIC_V6,
    IPAddress,
    is_public,
)
from submissions.link_check.cookies import Cookies
from submissions.link_check.head import MAX_KEPT_BYTES, READ_HEADERS, read_head
from submissions.link_check.parse import follow_reference, parse_link
from submissions.link_check.verdict import LinkFault

# fmt: off
PIECES = st.sampled_from([
    "https://", "http://", "//", "/", ".", "..", "?", "#", "@", ":", "[", "]", "%", "%2e", "%2F",
    "%25", "%zz", "\\", "example", "com", "xn--", "xn--a", "example.com", "127.0.0.1", "::1",
    "0x7f", "80", "443", ":80", ":443", ":8080", "localhost", "\u00e9", "\u3002", "\uff0e",
    "\uff11", "\u00df", "\u0130", "\u200d", "\u05d0", "\u0661", "\U0001f4a9", "A", "a", "0",
    "-", "_", "~", "\x00", "!", "'", "&", "=", "+",
])
# fmt: on
ANY_TEXT = st.one_of(
    st.text(),
    st.lists(PIECES, max_size=12).map("".join),
    st.lists(PIECES, max_size=8).map(lambda pieces: "http://" + "".join(pieces)),
    st.lists(PIECES, max_size=8).map(lambda pieces: "https://example.com/" + "".join(pieces)),
)


def addresses_in(first: int, last: int, kind: type[IPAddress]) -> st.SearchStrategy[IPAddress]:
    return st.integers(first, last).map(kind)


PRIVATE_V4 = st.sampled_from(NOT_PUBLIC_V4).flatmap(
    lambda network: addresses_in(int(network[0]), int(network[-1]), IPv4Address)
)
EMBEDDED = st.sampled_from(
    ["::{}", "::ffff:{}", "::ffff:0:{}", "64:ff9b::{}", "64:ff9b:1::{}", "2606:4700::5efe:{}"]
)


@given(ANY_TEXT)
@example("https://example.com/%2")
@example("http://[::1%25]:/")
def test_a_link_is_read_or_refused_and_nothing_else(text: str) -> None:
    try:
        plain = validate_link_syntax(text)
    except LinkSyntaxError:
        return

    assert plain.isascii()
    assert validate_link_syntax(plain) == plain


@given(ANY_TEXT)
@example("https://example.com//evil.com/%5C@x")
@example("https://example.com/;a?b=//c@d:e")
def test_other_parsers_see_the_same_host_port_and_target(text: str) -> None:
    try:
        link = parse_link(text)
    except LinkSyntaxError:
        return

    split = urlsplit(str(link))
    other = parse_url(str(link))
    asked = requests.Request("GET", link.url).prepare()
    bare_host = link.host.strip("[]")
    target = link.path + (f"?{link.query}" if link.query else "")
    assert (split.hostname, split.port or link.port) == (bare_host, link.port)
    assert (other.host, other.port or link.port) == (link.host, link.port)
    assert (split.username, other.auth) == (None, None)
    assert asked.path_url == target


@given(ANY_TEXT)
@example("http://example.com:443/")
@example("https://example.com:80//")
@example("https://example.com/%4%31//.")
def test_the_key_of_a_key_is_the_key(text: str) -> None:
    try:
        key = normalise_link(text)
    except LinkSyntaxError:
        return

    assert normalise_link(key) == key


@given(ANY_TEXT)
def test_a_redirect_is_read_or_refused_and_nothing_else(reference: str) -> None:
    base = parse_link("https://example.com/a/b?c")

    try:
        target = follow_reference(base, reference)
    except LinkSyntaxError:
        return

    assert target == parse_link(str(target))


HEAD_PIECES = st.sampled_from(
    [
        *(
            b"HTTP/1.1 200 OK",
            b"HTTP/1.1 103 Early Hints",
            b"HTTP/1.1 101 Odd",
            b"\r\n",
            b"\n",
            b"\r",
        ),
        *(b"Location", b"Set-Cookie", b"Content-Length", b"X", b":", b" ", b"\t", b"/there", b"5"),
        *(b"\r\n\r\n", b"\0", b"\xff", b"\x0b", b"\x1c", b"\x85", b"y" * 9_000),
    ]
)


@given(st.one_of(st.binary(), st.lists(HEAD_PIECES, max_size=30).map(b"".join)))
def test_a_head_is_made_of_lines_that_we_read_or_refused(sent: bytes) -> None:
    try:
        head = read_head(io.BufferedReader(io.BytesIO(b"HTTP/1.1 200 OK\r\n" + sent)))
    except LinkFault:
        return

    status_line, *headers, end = head.replace(b"\r\n", b"\n").split(b"\n")[:-1]
    assert (status_line[:5], end) == (b"HTTP/", b"")
    assert b"\r" not in b"".join(headers)
    assert {line.partition(b":")[0].lower() for line in headers} <= READ_HEADERS
    assert all(len(line) < 4 * MAX_KEPT_BYTES for line in headers)


@given(st.lists(st.one_of(st.text(), st.text('a=1; "\r\n\0Max-Age'))), ANY_TEXT)
def test_cookies_make_one_line_and_stay_with_their_host(set_cookies: list[str], url: str) -> None:
    cookies, home = Cookies(), parse_link("https://example.com/")
    cookies.remember(home, set_cookies, datetime(2026, 3, 1, tzinfo=UTC))
    assert cookies.header_for(home).isprintable() and cookies.header_for(home).isascii()

    try:
        other = parse_link(url)
    except LinkSyntaxError:
        return

    assert other.host == home.host or not cookies.header_for(other)


def notations(address: IPv4Address) -> list[str]:
    """Write an address in the ways that some resolver or browser understands."""
    number = int(address)
    a, b, c, d = address.packed
    dotted = [
        f"{a}.{b}.{c}.{d}",
        f"{a:#x}.{b:#x}.{c:#x}.{d:#x}",
        f"0{a:o}.0{b:o}.0{c:o}.0{d:o}",
        f"{a:03d}.{b:03d}.{c:03d}.{d:03d}",
        f"{a}.{b}.{(c << 8) | d}",
        f"{a}.{number & 0xFFFFFF}",
        f"{a:#x}.{number & 0xFFFFFF}",
        f"{number}",
        f"{number:#x}",
        f"0{number:o}",
        f"0x{number:016x}",
    ]
    wide = {ord(digit): 0xFF10 + int(digit) for digit in "0123456789"}
    disguised = [
        dotted[0].translate(wide),
        *(dotted[0].replace(".", dot) for dot in "\u3002\uff0e\uff61"),
        "".join(f"%{ord(character):02x}" for character in dotted[0]),
    ]
    v6 = [f"[::ffff:{address}]", f"[::{address}]", f"[64:ff9b::{address}]", f"::ffff:{address}"]
    return [*dotted, *(f"{each}." for each in dotted), *disguised, *v6]


@given(PRIVATE_V4)
def test_a_private_address_is_refused_in_every_notation(address: IPv4Address) -> None:
    for host in notations(address):
        for url in (f"http://{host}/", f"https://{host}:8080/x", f"http://{host.upper()}"):
            with pytest.raises(LinkSyntaxError):
                validate_link_syntax(url)


@given(PRIVATE_V4, EMBEDDED)
def test_a_private_address_is_not_public_alone_or_inside_another(
    address: IPv4Address, form: str
) -> None:
    assert not is_public(address)
    assert not is_public(IPv6Address(form.format(address)))
    assert not is_public(IPv6Address((0x2002 << 112) | (int(address) << 80) | 1))


@given(
    st.one_of(
        addresses_in(0, (1 << 125) - 1, IPv6Address),
        addresses_in(1 << 126, (1 << 128) - 1, IPv6Address),
        st.sampled_from(NOT_PUBLIC_V6).flatmap(
            lambda network: addresses_in(int(network[0]), int(network[-1]), IPv6Address)
        ),
    )
)
def test_an_address_outside_the_global_unicast_space_is_not_public(address: IPv6Address) -> None:
    assert not is_public(address)
