"""Names: what they lead to, and resolvers that lie, change their mind or say nothing."""

import socket
import threading
from collections.abc import Iterator
from ipaddress import ip_network

import pytest

from submissions.link_check import Code, Outcome, check_link
from submissions.link_check.resolve import MAX_LOOKUPS
from submissions.tests.link_check.hostile import (
    IN_TIME_SECONDS,
    SHORT_SECONDS,
    answer,
    check,
    resolve_names,
    says,
    serving,
)

NAME = "tool.example.com"


@pytest.mark.parametrize(
    "addresses",
    [
        ["10.0.0.1"],
        ["169.254.169.254"],
        ["0.0.0.0"],
        ["100.64.0.1"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["fe80::1%eth0"],
        ["fd00:ec2::254"],
        ["224.0.0.1"],
        ["255.255.255.255"],
        ["168.63.129.16"],
        ["93.184.216.34", "10.0.0.1"],
        ["127.0.0.1", "10.0.0.1"],
    ],
)
def test_a_name_with_one_private_address_is_refused_unconnected(
    monkeypatch: pytest.MonkeyPatch, addresses: list[str]
) -> None:
    resolve_names(monkeypatch, {NAME: addresses})

    with serving(says(answer())) as server:
        verdict = check(server.url(host=NAME))

    assert (verdict.outcome, verdict.code) == (Outcome.INVALID, Code.PRIVATE_ADDRESS)
    assert server.accepted == 0


def test_loopback_is_private_unless_it_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_names(monkeypatch, {NAME: ["127.0.0.1"]})

    with serving(says(answer())) as server:
        refused = check_link(server.url(host=NAME))
        elsewhere = check_link(server.url(host=NAME), allow=[ip_network("10.0.0.0/8")])
        allowed = check(server.url(host=NAME))

    # Without an allowed network, the port is refused before anything is looked up.
    assert (refused.code, elsewhere.code) == (Code.PORT, Code.PRIVATE_ADDRESS)
    assert allowed.code is Code.OK
    assert server.accepted == 1


def test_a_name_is_resolved_once_and_its_second_answer_never_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def rebinding(host: str, *_: object, **__: object) -> list[tuple[object, ...]]:
        asked.append(host)
        address = "127.0.0.1" if len(asked) == 1 else "127.0.0.2"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    with serving(says(answer())) as server:
        verdict = check(server.url(host=NAME))

    assert verdict.code is Code.OK
    assert asked == [NAME + "."]


def test_a_name_that_changes_its_mind_at_a_redirect_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = iter(["127.0.0.1", "10.0.0.1"])

    def rebinding(host: str, *_: object, **__: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), 0))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    moved = answer(b"", "302 Found", ["Location: /again"])
    with serving(says(moved)) as server:
        verdict = check(server.url(host=NAME))

    assert verdict.code is Code.PRIVATE_ADDRESS
    assert server.accepted == 1


def test_a_peer_that_is_not_the_checked_address_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolve_names(monkeypatch, {NAME: ["127.0.0.1"]})
    monkeypatch.setattr(socket.socket, "getpeername", lambda _: ("127.0.0.3", 80), raising=False)

    with serving(says(answer())) as server:
        verdict = check(server.url(host=NAME))

    assert verdict.code is Code.PRIVATE_ADDRESS
    assert server.requests in ([], [b""])


def test_the_next_address_is_tried_where_the_first_refuses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolve_names(monkeypatch, {NAME: ["127.0.0.9", "127.0.0.1"]})

    with serving(says(answer())) as server:
        verdict = check(server.url(host=NAME))

    assert verdict.code is Code.OK


def test_localhost_is_loopback_whatever_the_resolver_says(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_names(monkeypatch, {"localhost": ["10.0.0.1"]})

    with serving(says(answer())) as server:
        allowed = check(server.url(host="localhost"))
        refused = check_link(server.url(host="localhost"), allow=[ip_network("10.0.0.0/8")])

    assert allowed.code is Code.OK
    assert refused.code is Code.PRIVATE_ADDRESS
    assert server.accepted == 1


@pytest.mark.parametrize(
    ("error", "outcome", "code"),
    [
        (socket.gaierror(socket.EAI_NONAME, "x"), Outcome.INVALID, Code.NO_SUCH_HOST),
        (socket.gaierror(-5, "no data"), Outcome.INVALID, Code.NO_SUCH_HOST),
        (socket.gaierror(socket.EAI_AGAIN, "x"), Outcome.TRY_AGAIN, Code.RESOLVER_FAILED),
        (socket.gaierror(socket.EAI_FAIL, "x"), Outcome.TRY_AGAIN, Code.RESOLVER_FAILED),
        (OSError(24, "too many open files"), Outcome.TRY_AGAIN, Code.RESOLVER_FAILED),
        (UnicodeError("label too long"), Outcome.INVALID, Code.NO_SUCH_HOST),
    ],
)
def test_a_resolver_s_error_is_told_apart_from_a_missing_name(
    monkeypatch: pytest.MonkeyPatch, error: Exception, outcome: Outcome, code: Code
) -> None:
    def failing(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(socket, "getaddrinfo", failing)

    verdict = check(f"https://{NAME}/")

    assert (verdict.outcome, verdict.code) == (outcome, code)


def test_a_name_without_addresses_is_a_missing_one(monkeypatch: pytest.MonkeyPatch) -> None:
    resolve_names(monkeypatch, {NAME: []})

    verdict = check(f"https://{NAME}/")

    assert verdict.code is Code.NO_SUCH_HOST


@pytest.fixture
def silent_resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Semaphore]:
    """A resolver that never answers until the test is over; released once for each who asks."""
    over = threading.Event()
    asked = threading.Semaphore(0)

    def silent(*_: object, **__: object) -> None:
        asked.release()
        over.wait()
        raise socket.gaierror(socket.EAI_AGAIN, "too late")

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    yield asked
    over.set()


@pytest.mark.usefixtures("silent_resolver")
def test_a_silent_resolver_is_left_behind_in_time() -> None:
    verdict = check(f"https://{NAME}/", SHORT_SECONDS)

    assert (verdict.outcome, verdict.code) == (Outcome.TRY_AGAIN, Code.TOO_SLOW)
    assert SHORT_SECONDS <= verdict.seconds < IN_TIME_SECONDS


def test_silent_look_ups_are_bounded_and_hold_nobody_up(
    silent_resolver: threading.Semaphore,
) -> None:
    stuck = []
    for number in range(MAX_LOOKUPS):
        stuck.append(check(f"https://tool{number}.example.com/", 0.01))
        silent_resolver.acquire()

    refused = check("https://one-more.example.com/", 5.0)
    with serving(says(answer())) as server:
        needs_no_look_up = check(server.url())

    assert {verdict.code for verdict in stuck} == {Code.TOO_SLOW}
    assert (refused.outcome, refused.code) == (Outcome.TRY_AGAIN, Code.RESOLVER_BUSY)
    assert refused.seconds < IN_TIME_SECONDS
    assert needs_no_look_up.code is Code.OK
    assert not silent_resolver.acquire(blocking=False)


def test_a_system_without_threads_to_spare_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("_thread.start_new_thread", refuse)

    verdict = check(f"https://{NAME}/")

    assert (verdict.outcome, verdict.code) == (Outcome.TRY_AGAIN, Code.RESOLVER_BUSY)
