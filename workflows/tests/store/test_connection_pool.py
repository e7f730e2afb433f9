"""Connections that are kept open and lent: never more than the pool has, nor one that is broken."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from workflows.engine.attempts.time_limit import Limit, TimeLimitReached, call_within
from workflows.store import connection_pool
from workflows.store.connection_pool import ConnectionPool, Kept
from workflows.store.database import Connection
from workflows.store.workers import open_connection
from workflows.tests.builders import PATIENCE_SECONDS, until

pytestmark = pytest.mark.django_db


@pytest.fixture
def opened() -> Iterator[Callable[[], Connection]]:
    """Return a function that opens a connection."""
    known: list[Connection] = []

    def another() -> Connection:
        known.append(open_connection())
        return known[-1]

    yield another
    for each in known:
        each.close()


def taken(kept: Kept | None) -> Connection | None:
    return None if kept is None else kept.raw


def in_a_thread(take: Callable[[], Kept | None], into: list[Connection | None]) -> threading.Thread:
    thread = threading.Thread(target=lambda: into.append(taken(take())), daemon=True)
    thread.start()
    return thread


def waits(pool: ConnectionPool, so_many: int = 1) -> bool:
    return len(pool._waiting) == so_many


def test_what_was_given_back_is_lent_again(opened: Callable[[], Connection]) -> None:
    pool, raw = ConnectionPool(2), opened()
    assert pool.take("a") is None

    pool.give("a", raw, None)

    assert taken(pool.take("b")) is raw


def test_whoever_finds_all_of_them_lent_waits_for_one(opened: Callable[[], Connection]) -> None:
    pool, raw, got = ConnectionPool(1), opened(), list[Connection | None]()
    pool.take("a")
    thread = in_a_thread(lambda: pool.take("b"), got)
    until(lambda: waits(pool))

    pool.give("a", raw, None)

    thread.join(PATIENCE_SECONDS)
    assert got == [raw]


def test_those_who_wait_are_served_in_their_order(
    opened: Callable[[], Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_pool, "PATIENCE_SECONDS", 1e9)
    pool, raw, served = ConnectionPool(1), opened(), list[int]()
    pool.take("a")

    def ask(number: int) -> None:
        pool.take(number)
        served.append(number)
        pool.give(number, raw, None)

    threads = []
    for number in range(5):
        threads.append(threading.Thread(target=ask, args=[number], daemon=True))
        threads[-1].start()
        until(partial(waits, pool, number + 1))
    pool.give("a", raw, None)

    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert served == [0, 1, 2, 3, 4]


def test_nobody_waits_for_whoever_keeps_one_for_long(
    opened: Callable[[], Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_pool, "PATIENCE_SECONDS", 0.05)
    pool, slow = ConnectionPool(1), opened()
    pool.take("slow")

    began = time.monotonic()
    assert pool.take("quick") is None, "it may open another"

    assert time.monotonic() - began >= 0.03
    pool.give("quick", opened(), None)
    pool.give("slow", slow, None)
    assert pool.count() == (0, 1), "one too many is closed"
    assert slow.closed


def test_whoever_is_interrupted_while_waiting_keeps_nobody_waiting(
    opened: Callable[[], Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    pool, raw, got = ConnectionPool(1), opened(), list[Connection | None]()
    pool.take("a")
    with monkeypatch.context() as patched:
        patched.setattr(queue, "SimpleQueue", Interrupting)
        with pytest.raises(KeyboardInterrupt):
            pool.take("b")
    thread = in_a_thread(lambda: pool.take("c"), got)

    pool.give("a", raw, None)

    thread.join(PATIENCE_SECONDS)
    assert got == [raw]


class Interrupting:
    """A queue at which those who wait hear of their time limit instead."""

    def __class_getitem__(cls, kind: object) -> "type[Interrupting]":
        return cls

    def get(self, timeout: float) -> None:
        raise KeyboardInterrupt

    def put(self, item: None) -> None: ...


def test_a_time_limit_reaches_whoever_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_pool, "PATIENCE_SECONDS", 1e9)
    pool, ended, stuck = ConnectionPool(1), list[BaseException](), threading.Event()
    pool.take("keeps it")
    first = threading.Thread(target=pool.take, args=["first"], daemon=True)
    first.start()
    until(lambda: waits(pool))
    limit = Limit(0.1)
    limit.on_stuck = stuck.set

    def asks_within_its_limit() -> None:
        try:
            call_within(limit, lambda: pool.take("behind the first"))
        except TimeLimitReached as exc:
            ended.append(exc)

    thread = threading.Thread(target=asks_within_its_limit, daemon=True)
    thread.start()

    thread.join(5)
    assert ended
    assert not stuck.is_set(), "its worker need not end"
    pool.forget("keeps it")
    first.join(PATIENCE_SECONDS)
    assert not first.is_alive(), "its turn has come all the same"


def test_one_that_was_cut_while_nobody_used_it_is_not_lent(
    opened: Callable[[], Connection], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_pool, "LOOK_AT_IT_AFTER_SECONDS", 0)
    pool, raw, other = ConnectionPool(1), opened(), opened()
    pool.take("a")
    pool.give("a", raw, None)

    other.execute("SELECT pg_terminate_backend(%s)", [raw.info.backend_pid])

    until(lambda: connection_pool._has_hung_up(raw))
    assert pool.take("b") is None
    assert raw.closed
    assert pool.count() == (1, 0)


def test_one_that_is_broken_or_in_a_transaction_is_not_kept(
    opened: Callable[[], Connection],
) -> None:
    pool, closed, busy = ConnectionPool(2), opened(), opened()
    closed.close()
    busy.execute("BEGIN")
    pool.take("a")
    pool.take("b")

    pool.give("a", closed, None)
    pool.give("b", busy, None)

    assert pool.count() == (0, 0)
    assert busy.closed


def test_one_that_has_grown_old_is_closed(opened: Callable[[], Connection]) -> None:
    pool, raw = ConnectionPool(1), opened()
    pool.take("a")
    pool.give("a", raw, time.monotonic() - 1)

    assert pool.take("a") is None
    assert raw.closed


def test_what_nobody_has_needed_for_a_while_is_closed_and_the_last_used_stays(
    opened: Callable[[], Connection],
) -> None:
    pool, early, late = ConnectionPool(2), opened(), opened()
    pool.take("a")
    pool.take("b")
    pool.give("a", early, None)
    pool._kept[0] = pool._kept[0]._replace(since=time.monotonic() - 10)
    pool.give("b", late, None)

    pool.close_idle(5)

    assert early.closed
    pool.close_idle(keep=1)
    assert taken(pool.take("c")) is late
