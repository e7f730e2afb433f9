"""TLS: the certificate must be good for the link's host, by certifi's authorities."""

import socket
import ssl
from pathlib import Path
from typing import cast

import pytest

from submissions.link_check import Code, Outcome, explain
from submissions.tests.link_check.hostile import (
    CERTIFICATES,
    IN_TIME_SECONDS,
    SHORT_SECONDS,
    Peer,
    answer,
    check,
    redirect,
    resolve_names,
    says,
    serving,
    trust_test_authority,
)

NAME = "tool.example.com"


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_names(monkeypatch, {NAME: ["127.0.0.1"], "other.example.com": ["127.0.0.1"]})


@pytest.mark.parametrize("host", [NAME, "127.0.0.1"])
def test_a_good_certificate_is_accepted(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    trust_test_authority(monkeypatch)

    with serving(says(answer()), certificate="good") as server:
        verdict = check(server.url(host=host))

    assert verdict.code is Code.OK


def test_the_name_of_the_link_is_asked_for_although_an_address_is_dialled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trust_test_authority(monkeypatch)
    asked: list[str | None] = []

    with serving(says(answer()), certificate="good") as server:
        assert server.tls
        server.tls.sni_callback = lambda _, name, __: asked.append(name)
        verdict = check(server.url(host=NAME))

    assert verdict.code is Code.OK
    assert asked == [NAME]
    assert f"Host: {NAME}:{server.port}\r\n".encode() in server.requests[0]


@pytest.mark.parametrize(
    ("certificate", "host"),
    [("expired", NAME), ("self_signed", NAME), ("good", "other.example.com")],
)
def test_a_bad_certificate_is_invalid_and_nothing_is_asked(
    monkeypatch: pytest.MonkeyPatch, certificate: str, host: str
) -> None:
    trust_test_authority(monkeypatch)

    with serving(says(answer()), certificate=certificate) as server:
        verdict = check(server.url(host=host))

    assert (verdict.outcome, verdict.code) == (Outcome.INVALID, Code.BAD_CERTIFICATE)
    assert server.requests == []


def test_an_unknown_authority_is_not_trusted_whatever_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = str(CERTIFICATES / "authority.pem")
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, authority)
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))

    with serving(says(answer()), certificate="good") as server:
        verdict = check(server.url(host=NAME))

    assert verdict.code is Code.BAD_CERTIFICATE
    assert not (tmp_path / "keys").exists()


def test_a_redirect_to_a_bad_certificate_is_invalid(monkeypatch: pytest.MonkeyPatch) -> None:
    trust_test_authority(monkeypatch)

    with serving(says(answer()), certificate="expired") as bad:
        target = bad.url(host=NAME)
        with serving(says(redirect(target)), certificate="good") as good:
            verdict = check(good.url(host=NAME))

    assert verdict.code is Code.BAD_CERTIFICATE
    assert verdict.final_url == good.url(host=NAME)


def test_plain_http_where_tls_was_expected_is_invalid() -> None:
    def complain(peer: Peer) -> None:
        peer.wire.recv(4096)
        peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with serving(complain) as server:
        verdict = check(server.url().replace("http:", "https:"))

    assert (verdict.outcome, verdict.code) == (Outcome.INVALID, Code.TLS_FAILED)


def test_tls_where_plain_http_was_expected_ends_in_a_verdict() -> None:
    with serving(says(answer()), certificate="good") as server:
        verdict = check(server.url().replace("https:", "http:"))

    assert verdict.code in {Code.BAD_HTTP, Code.CONNECTION_LOST}


def test_a_handshake_that_is_hung_up_on_is_tried_again() -> None:
    def hang_up(peer: Peer) -> None:
        peer.wire.recv(4096)
        peer.wire.shutdown(socket.SHUT_RDWR)

    with serving(hang_up) as server:
        verdict = check(server.url().replace("http:", "https:"))

    assert (verdict.outcome, verdict.code) == (Outcome.TRY_AGAIN, Code.CONNECTION_LOST)


def test_a_silent_handshake_ends_in_time() -> None:
    with serving(Peer.wait_for_the_end) as server:
        verdict = check(server.url().replace("http:", "https:"), SHORT_SECONDS)

    assert (verdict.outcome, verdict.code) == (Outcome.TRY_AGAIN, Code.TOO_SLOW)
    assert SHORT_SECONDS <= verdict.seconds < IN_TIME_SECONDS


def test_a_dripping_handshake_ends_in_time() -> None:
    def drip(peer: Peer) -> None:
        peer.wire.recv(4096)
        peer.send(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc")
        peer.send_forever(b"\x00", every_seconds=0.02)

    with serving(drip) as server:
        verdict = check(server.url().replace("http:", "https:"), SHORT_SECONDS)

    assert verdict.outcome is not Outcome.VALID
    assert verdict.seconds < IN_TIME_SECONDS


def test_bytes_and_time_are_bounded_over_tls_too(monkeypatch: pytest.MonkeyPatch) -> None:
    trust_test_authority(monkeypatch)

    def endless(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        peer.send_forever(b"x" * 4_096)

    def drip(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        peer.send_forever(b"x", every_seconds=0.02)

    with serving(endless, certificate="good") as server:
        much = check(server.url(host=NAME))
    with serving(drip, certificate="good") as dripping:
        slow = check(dripping.url(host=NAME), SHORT_SECONDS)

    assert much.code is Code.OK
    assert server.sent_bytes < 512 * 1024
    assert slow.code is Code.TOO_SLOW
    assert slow.seconds < IN_TIME_SECONDS


def test_session_tickets_without_end_count_as_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenSSL swallows them out of sight, for as long as they come."""
    trust_test_authority(monkeypatch)

    with serving(says(answer()), certificate="good") as server:
        assert server.tls
        server.tls.num_tickets = 100_000
        verdict = check(server.url(host=NAME))

    assert (verdict.outcome, verdict.code) == (Outcome.INVALID, Code.BAD_HTTP)


def test_a_handshake_without_end_is_read_no_further_than_its_limit() -> None:
    """A client skips greetings of four zeros for as long as they come."""

    def endless_greetings(peer: Peer) -> None:
        peer.wire.recv(4096)
        peer.send_forever(b"\x16\x03\x03\x40\x00" + b"\x00" * 16_384)

    with serving(endless_greetings) as server:
        verdict = check(server.url().replace("http:", "https:"))

    assert (verdict.outcome, verdict.code) == (Outcome.INVALID, Code.TLS_FAILED)
    assert server.sent_bytes < 512 * 1024


def test_a_farewell_in_the_middle_of_the_headers_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trust_test_authority(monkeypatch)

    def take_leave(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 200 OK\r\nX-Fra")
        # Says farewell, and waits for ours with the connection still open.
        cast(ssl.SSLSocket, peer.wire).unwrap()

    with serving(take_leave, certificate="good") as server:
        verdict = check(server.url(host=NAME))

    assert (verdict.outcome, verdict.code) == (Outcome.TRY_AGAIN, Code.CONNECTION_LOST)


def test_a_certificate_that_names_the_host_in_its_common_name_only_is_invalid(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """RFC 9525, section 2: browsers have not looked there for years."""
    trust_test_authority(monkeypatch, "common_name_only")

    with serving(says(answer()), certificate="common_name_only") as server:
        verdict = check(server.url(host=NAME))

    assert (verdict.outcome, verdict.code) == (Outcome.INVALID, Code.BAD_CERTIFICATE)
    assert server.requests == []


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_site_that_wants_a_certificate_of_ours_is_told_so(
    monkeypatch: pytest.MonkeyPatch, version: ssl.TLSVersion
) -> None:
    trust_test_authority(monkeypatch)

    with serving(says(answer()), certificate="good") as server:
        assert server.tls
        server.tls.maximum_version = version
        server.tls.verify_mode = ssl.CERT_REQUIRED
        server.tls.load_verify_locations(CERTIFICATES / "authority.pem")
        verdict = check(server.url(host=NAME))

    assert (verdict.outcome, verdict.code) == (Outcome.INVALID, Code.CLIENT_CERTIFICATE)
    assert "certificate" in explain(verdict)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_site_that_would_like_a_certificate_shows_its_page_without(
    monkeypatch: pytest.MonkeyPatch, version: ssl.TLSVersion
) -> None:
    trust_test_authority(monkeypatch)

    with serving(says(answer()), certificate="good") as server:
        assert server.tls
        server.tls.maximum_version = version
        server.tls.verify_mode = ssl.CERT_OPTIONAL
        server.tls.load_verify_locations(CERTIFICATES / "authority.pem")
        verdict = check(server.url(host=NAME))

    assert verdict.code is Code.OK


def test_a_server_that_says_over_http_that_it_wants_a_certificate_is_heard() -> None:
    page = b"<html><head><title>400 No required SSL certificate was sent</title></head></html>"

    with serving(says(answer(page, "400 Bad Request"))) as server:
        verdict = check(server.url())

    assert (verdict.outcome, verdict.code) == (Outcome.INVALID, Code.CLIENT_CERTIFICATE)


@pytest.mark.parametrize("alert", [40, 42, 46, 49])
def test_a_refusal_of_our_greeting_is_no_wish_for_a_certificate(alert: int) -> None:
    def refuse(peer: Peer) -> None:
        peer.wire.recv(4096)
        peer.send(b"\x15\x03\x03\x00\x02\x02" + bytes([alert]))

    with serving(refuse) as server:
        verdict = check(server.url().replace("http:", "https:"))

    assert (verdict.outcome, verdict.code) == (Outcome.INVALID, Code.TLS_FAILED)
