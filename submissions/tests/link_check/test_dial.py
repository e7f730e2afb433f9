"""Which of a name's addresses is reached: families in turn, dead ones beside good ones.

Dead addresses drop what is sent to them, as a firewall does. On loopback a listener whose queue is
full does that.
"""

import socket
from collections.abc import Sequence
from contextlib import ExitStack
from ipaddress import ip_address, ip_network
from typing import Any

import pytest

from submissions.link_check import Code, Outcome, check_link, dial
from submissions.link_check.bounds import HEAD_START_SECONDS
from submissions.link_check.dial import MAX_ADDRESSES_TRIED, in_turns
from submissions.tests.link_check.hostile import (
    IN_TIME_SECONDS,
    LOOPBACK,
    SHORT_SECONDS,
    answer,
    check,
    dropping,
    resolve_names,
    says,
    serving,
)

NAME = "tool.example.com"
BOTH = (*LOOPBACK, ip_network("::/8"))


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every address that a TCP connection was begun to, in order."""
    seen: list[str] = []
    begin = socket.socket.connect_ex

    def connect_ex(self: socket.socket, address: tuple[Any, ...]) -> int:
        if self.type == socket.SOCK_STREAM:
            seen.append(address[0])
        return begin(self, address)

    monkeypatch.setattr(socket.socket, "connect_ex", connect_ex)
    return seen


def addresses(texts: Sequence[str]) -> list[Any]:
    return [ip_address(text) for text in texts]


@pytest.mark.parametrize(
    ("given", "turns"),
    [
        ("::1 ::2 ::3 1.1.1.1", "::1 1.1.1.1 ::2 ::3"),
        ("1.1.1.1 1.1.1.2 ::1 ::2", "1.1.1.1 ::1 1.1.1.2 ::2"),
        ("1.1.1.1 1.1.1.2", "1.1.1.1 1.1.1.2"),
        ("::1", "::1"),
    ],
)
def test_the_families_take_turns_and_the_resolvers_first_goes_first(given: str, turns: str) -> None:
    assert in_turns(addresses(given.split())) == addresses(turns.split())


def test_eight_dead_addresses_beside_a_good_one_cost_less_than_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dead = [f"127.0.0.{number}" for number in range(2, 10)]
    resolve_names(monkeypatch, {NAME: [*dead, "::1"]})

    with serving(says(answer()), host="::1") as server, ExitStack() as stack:
        for each in dead:
            stack.enter_context(dropping(each, server.port))
        verdict = check_link(server.url(host=NAME), allow=BOTH, budget_seconds=2.0)

    assert verdict.code is Code.OK
    assert verdict.seconds < 1


def test_a_good_address_behind_dead_ones_of_its_own_family_is_reached(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dead = [f"127.0.0.{number}" for number in range(2, 5)]
    resolve_names(monkeypatch, {NAME: [*dead, "127.0.0.1"]})

    with serving(says(answer())) as server, ExitStack() as stack:
        for each in dead:
            stack.enter_context(dropping(each, server.port))
        verdict = check(server.url(host=NAME), 2.0)

    assert verdict.code is Code.OK
    assert verdict.seconds < 1.5


def test_an_address_that_refuses_does_not_hold_up_the_next(
    monkeypatch: pytest.MonkeyPatch, dialled: list[str]
) -> None:
    resolve_names(monkeypatch, {NAME: ["127.0.0.9", "127.0.0.1", "127.0.0.8"]})

    with serving(says(answer())) as server:
        verdict = check(server.url(host=NAME))

    assert verdict.code is Code.OK
    assert verdict.seconds < HEAD_START_SECONDS
    assert dialled == ["127.0.0.9", "127.0.0.1"]


def test_one_address_is_asked_and_the_others_are_hung_up_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dial, "HEAD_START_SECONDS", 0.0)
    resolve_names(monkeypatch, {NAME: ["127.0.0.1", "127.0.0.2"]})

    with serving(says(answer())) as one, ExitStack() as stack:
        monkeypatch.setattr("submissions.tests.link_check.hostile.PORTS", [one.port])
        other = stack.enter_context(serving(says(answer()), host="127.0.0.2"))
        verdict = check(one.url(host=NAME))

    asked = [request for request in (*one.requests, *other.requests) if request]
    assert verdict.code is Code.OK
    assert len(asked) == 1


def test_only_so_many_addresses_are_tried(
    monkeypatch: pytest.MonkeyPatch, dialled: list[str]
) -> None:
    refusing = [f"127.0.1.{number}" for number in range(1, 40)]
    resolve_names(monkeypatch, {NAME: refusing})

    verdict = check(f"http://{NAME}:21999/")

    assert (verdict.outcome, verdict.code) == (Outcome.TRY_AGAIN, Code.CONNECTION_REFUSED)
    assert dialled == refusing[:MAX_ADDRESSES_TRIED]


def test_dead_addresses_end_with_the_budget_however_many_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dead = [f"127.0.0.{number}" for number in range(2, 10)]
    resolve_names(monkeypatch, {NAME: dead})

    with ExitStack() as stack:
        for each in dead:
            stack.enter_context(dropping(each, 21_998))
        verdict = check(f"http://{NAME}:21998/", SHORT_SECONDS)

    assert (verdict.outcome, verdict.code) == (Outcome.TRY_AGAIN, Code.TOO_SLOW)
    assert SHORT_SECONDS <= verdict.seconds < IN_TIME_SECONDS


def test_dead_addresses_end_before_the_budget_where_that_is_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dial, "CONNECT_SECONDS", SHORT_SECONDS)
    resolve_names(monkeypatch, {NAME: ["127.0.0.2", "127.0.0.3"]})

    with dropping("127.0.0.2", 21_997), dropping("127.0.0.3", 21_997):
        verdict = check(f"http://{NAME}:21997/", 10.0)

    assert verdict.code is Code.TOO_SLOW
    assert SHORT_SECONDS <= verdict.seconds < IN_TIME_SECONDS


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_our_own_public_address_is_not_even_dialled(
    monkeypatch: pytest.MonkeyPatch, dialled: list[str], host: str
) -> None:
    resolve_names(monkeypatch, {NAME: ["93.184.216.34", host]})
    monkeypatch.setattr("submissions.link_check.resolve.is_public", lambda _: True)
    monkeypatch.setattr("submissions.link_check.resolve.PORTS", range(65_536))

    with serving(says(answer()), host=host) as server:
        verdict = check_link(server.url(host=NAME), allow=[ip_network("10.0.0.0/8")])

    assert verdict.code is Code.PRIVATE_ADDRESS
    assert (server.accepted, dialled) == (0, [])


def test_an_own_address_beyond_those_that_are_tried_spoils_the_name_too(
    monkeypatch: pytest.MonkeyPatch, dialled: list[str]
) -> None:
    many = [f"93.184.216.{number}" for number in range(1, MAX_ADDRESSES_TRIED + 1)]
    resolve_names(monkeypatch, {NAME: [*many, "127.0.0.1"]})
    monkeypatch.setattr("submissions.link_check.resolve.is_public", lambda _: True)

    verdict = check_link(f"http://{NAME}/")

    assert (verdict.code, dialled) == (Code.PRIVATE_ADDRESS, [])
