"""Interrupted, run side by side, or left at exit: nothing stays behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import FrameType

import pytest

from submissions.link_check import Code, check_link
from submissions.tests.link_check.conftest import open_sockets
from submissions.tests.link_check.hostile import (
    LOOPBACK,
    Peer,
    answer,
    check,
    dropping,
    redirect,
    resolve_names,
    says,
    serving,
    trust_test_authority,
)

STEP_SECONDS = 0.00005
"""Between two moments of interruption; a check with a redirect takes some 100 of these."""


class StepTimeout(Exception):
    """What a worker's signal handler raises when a step has had its time."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise StepTimeout into the block, wherever it is by then."""

    def interrupt(_: int, __: FrameType | None) -> None:
        raise StepTimeout

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def dripping_body(peer: Peer) -> None:
    peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
    peer.send_forever(b"x", every_seconds=0.01)


def dripping_headers(peer: Peer) -> None:
    peer.read_request()
    peer.send(b"HTTP/1.1 200 OK\r\nX: ")
    peer.send_forever(b"x", every_seconds=0.01)


needs_main_thread = pytest.mark.skipif(
    threading.current_thread() is not threading.main_thread(), reason="signals need the main thread"
)


@needs_main_thread
@pytest.mark.parametrize("script", [Peer.wait_for_the_end, dripping_headers, dripping_body])
def test_a_time_limit_from_outside_passes_through(script: object) -> None:
    with serving(script) as server:  # type: ignore[arg-type]
        before = open_sockets()
        began_at = time.monotonic()
        with pytest.raises(StepTimeout), time_limit(0.1):
            check(server.url(), 5.0)
        took = time.monotonic() - began_at

    assert took < 1
    assert before


# Between two bytecodes, a new socket has no name yet: it warns as it is dropped, and is closed then.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
# Raised into a finaliser of urllib3's, the exception is lost, and the check ends by itself.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@needs_main_thread
def test_an_interruption_at_any_moment_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    trust_test_authority(monkeypatch)
    resolve_names(monkeypatch, {"tool.example.com": ["127.0.0.1"]})
    interrupted = 0

    def one_redirect(peer: Peer) -> None:
        peer.send(answer() if peer.read_request() == b"/there" else redirect("/there"))

    with serving(one_redirect, certificate="good") as server:
        url = server.url(host="tool.example.com")
        for number in range(150):
            try:
                with time_limit(STEP_SECONDS * (number + 1)):
                    check(url)
            except StepTimeout:
                interrupted += 1
        last = check(url)

    assert interrupted > 20
    assert last.code is Code.OK


@needs_main_thread
def test_a_look_up_can_be_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def silent(*_: object, **__: object) -> list[object]:
        over.wait()
        return []

    monkeypatch.setattr("socket.getaddrinfo", silent)
    began_at = time.monotonic()
    with pytest.raises(StepTimeout), time_limit(0.1):
        check("https://tool.example.com/")
    took = time.monotonic() - began_at
    over.set()

    assert took < 1


def test_checks_run_side_by_side() -> None:
    def echo(peer: Peer) -> None:
        target = peer.read_request()
        peer.send(answer(b"<title>" + target + b"</title>"))

    with serving(echo) as server, ThreadPoolExecutor(8) as pool:
        urls = [server.url(f"/{number}") for number in range(40)]
        verdicts = list(pool.map(check, urls))

    assert [verdict.code for verdict in verdicts] == [Code.OK] * 40
    assert [verdict.title for verdict in verdicts] == [f"/{number}" for number in range(40)]


def test_a_stuck_look_up_does_not_keep_the_process_from_exiting() -> None:
    program = """
import socket, threading
socket.getaddrinfo = lambda *_, **__: threading.Event().wait()
from submissions.link_check import check_link
print(check_link("https://tool.example.com/", budget_seconds=0.2).code)
"""

    ended = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=20,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )

    assert (ended.stdout, ended.stderr, ended.returncode) == ("too_slow\n", "", 0)


def test_a_good_check_leaves_no_socket_open_even_before_garbage_is_collected() -> None:
    with serving(says(answer())) as server:
        before = open_sockets()
        codes = {check(server.url()).code for _ in range(20)}
        left = open_sockets() - before

    assert codes == {Code.OK}
    # The server's own ends may still be closing.
    assert len(left) <= 1


class NobodyWaits(Exception):
    """What a caller raises who has lost interest."""


@pytest.mark.parametrize("script", [Peer.wait_for_the_end, dripping_headers, dripping_body])
@pytest.mark.parametrize("certificate", [None, "good"])
def test_a_check_that_nobody_waits_for_is_given_up(
    monkeypatch: pytest.MonkeyPatch, script: object, certificate: str | None
) -> None:
    monkeypatch.setattr("submissions.link_check.bounds.LOOK_SECONDS", 0.1)
    trust_test_authority(monkeypatch)
    looks = 0

    def look() -> None:
        nonlocal looks
        looks += 1
        if looks == 3:
            raise NobodyWaits

    with serving(script, certificate=certificate) as server:  # type: ignore[arg-type]
        before = open_sockets()
        began_at = time.monotonic()
        with pytest.raises(NobodyWaits):
            check_link(server.url(), allow=LOOPBACK, while_waiting=look)
        took = time.monotonic() - began_at

    assert 0.2 < took < 2
    assert before


def test_a_look_up_and_a_dead_address_are_given_up_as_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("submissions.link_check.bounds.LOOK_SECONDS", 0.1)
    over = threading.Event()

    def look() -> None:
        raise NobodyWaits

    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: over.wait() and [])
    with pytest.raises(NobodyWaits):
        check_link("https://tool.example.com/", while_waiting=look)
    over.set()

    with dropping("127.0.0.2", 21_996), pytest.raises(NobodyWaits):
        check_link("http://127.0.0.2:21996/", allow=LOOPBACK, while_waiting=look)


def test_a_quick_check_is_not_looked_after() -> None:
    with serving(says(answer())) as server:
        verdict = check_link(server.url(), allow=LOOPBACK, while_waiting=pytest.fail)

    assert verdict.code is Code.OK
