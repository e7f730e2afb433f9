"""Threads that drive borrow Django's connection: none while a step waits outside, their own in a step."""

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections, transaction
from django.db.backends.signals import connection_created

from workflows.api import Context, RunState, get_run, start, step, workflow
from workflows.store import connection_pool, lent_connections
from workflows.store.connection_pool import ConnectionPool
from workflows.store.kept_cursor import cursor_on
from workflows.tests.builders import PATIENCE_SECONDS, elsewhere, until
from workflows.tests.engine.workers import work

pytestmark = pytest.mark.usefixtures("committed")


@pytest.fixture
def pool(committed: None) -> Iterator[ConnectionPool]:
    """Lend two connections in this process."""
    pool = lent_connections.begin(2)
    lent_connections.borrow_here()
    yield pool
    lent_connections.end()


def backend() -> int:
    """Return which session of the server this thread sends to."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


class Gate:
    """Steps wait here until it is opened."""

    def __init__(self) -> None:
        self.waiting = threading.Semaphore(0)
        self.open = threading.Event()

    def wait(self) -> None:
        self.waiting.release()
        assert self.open.wait(PATIENCE_SECONDS)


gates: dict[str, Gate] = {}


@step
def waits_outside(gate: str) -> None:
    gates[gate].wait()


@step
def reads_then_waits(gate: str) -> list[int]:
    before = backend()
    gates[gate].wait()
    return [before, backend()]


@step(atomic=True)
def waits_inside(gate: str) -> bool:
    before = backend()
    gates[gate].wait()
    return before == backend()


@workflow("tests.lent")
def lent(run: Context, kind: str, gate: str) -> Any:
    return run.step(
        {"out": waits_outside, "in": waits_inside, "read": reads_then_waits}[kind], gate
    )


@workflow("tests.lent_group")
def lent_group(run: Context, gate: str, count: int) -> None:
    run.gather(*[run.call(waits_outside, gate) for _ in range(count)])


@pytest.fixture
def gate() -> Iterator[Gate]:
    """Return a gate by the name "gate"."""
    gates["gate"] = Gate()
    yield gates["gate"]
    gates["gate"].open.set()


def driven_at_once(count: int, gate: Gate) -> ExitStack:
    """Drive so many runs in threads, until all of them wait at the gate."""
    stack, workers = ExitStack(), [elsewhere(work) for _ in range(count)]
    for _ in range(count):
        assert gate.waiting.acquire(timeout=PATIENCE_SECONDS)
    stack.callback(lambda: [worker.result(PATIENCE_SECONDS) for worker in workers])
    stack.callback(gate.open.set)
    return stack


def test_a_lent_connection_brings_its_cursor_along(pool: ConnectionPool) -> None:
    def cursor() -> Any:
        lent_connections.borrow_here()
        connection.ensure_connection()
        found = cursor_on(connection.connection)
        lent_connections.let_go()
        return found

    assert cursor() is elsewhere(cursor).result(PATIENCE_SECONDS)


def test_drives_whose_steps_wait_outside_hold_no_connection(
    pool: ConnectionPool, gate: Gate
) -> None:
    runs = [start(lent, kind="out", gate="gate") for _ in range(20)]
    lent_connections.let_go()

    with driven_at_once(20, gate):
        lent_now, kept = pool.count()
        assert lent_now == 0
        assert kept <= 2

    assert {get_run(run.id).state for run in runs} == {RunState.COMPLETED}
    lent_connections.let_go()
    assert sum(pool.count()) <= 2


def test_the_branches_of_a_group_and_its_drive_hold_none_either(
    pool: ConnectionPool, gate: Gate
) -> None:
    run = start(lent_group, gate="gate", count=5)
    lent_connections.let_go()

    worker = elsewhere(work)
    for _ in range(5):
        assert gate.waiting.acquire(timeout=PATIENCE_SECONDS)
    until(lambda: pool.count()[0] == 0)
    gate.open.set()
    worker.result(PATIENCE_SECONDS)

    assert get_run(run.id).state == RunState.COMPLETED


@pytest.mark.parametrize("kind", ["read", "in"])
def test_a_step_that_uses_the_database_keeps_its_connection_to_its_end(
    pool: ConnectionPool, gate: Gate, kind: str
) -> None:
    run = start(lent, kind=kind, gate="gate")
    lent_connections.let_go()

    with driven_at_once(1, gate):
        assert pool.count()[0] == 1

    output = get_run(run.id).output
    assert output is True or output[0] == output[1]


def test_steps_that_keep_theirs_for_long_keep_no_other_drive_waiting(
    pool: ConnectionPool, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_pool, "PATIENCE_SECONDS", 0.05)
    runs = [start(lent, kind="in", gate="gate") for _ in range(5)]
    lent_connections.let_go()

    with driven_at_once(5, gate):
        assert start(lent, kind="out", gate="gate").state == RunState.PENDING

    assert [get_run(run.id).output for run in runs] == [True] * 5
    lent_connections.let_go()
    assert sum(pool.count()) <= 2, "those beyond the pool are closed when they come back"


def test_a_connection_is_handed_on_open_and_in_order(pool: ConnectionPool) -> None:
    opened = list[object]()

    def note(**told: object) -> None:
        opened.append(told["connection"])

    connection_created.connect(note)
    try:
        first = backend()
        lent_connections.let_go()
        second = elsewhere(borrowed_backend).result(PATIENCE_SECONDS)
    finally:
        connection_created.disconnect(note)

    assert first == second
    assert len(opened) == 1
    assert backend() == first


def borrowed_backend() -> int:
    lent_connections.borrow_here()
    found = backend()
    lent_connections.let_go()
    return found


def test_no_transaction_is_given_away(pool: ConnectionPool) -> None:
    with transaction.atomic():
        inside = backend()
        lent_connections.let_go()
        assert backend() == inside
    assert pool.count()[0] == 1


def test_a_transaction_that_django_knows_nothing_of_is_closed(pool: ConnectionPool) -> None:
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")

    lent_connections.let_go()

    assert pool.count() == (0, 0)


def test_what_a_step_has_used_stays_its_own_where_it_drives_another_run(
    pool: ConnectionPool,
) -> None:
    outer = lent_connections.enter_step()
    mine = backend()
    inner = lent_connections.enter_step()
    assert backend() == mine
    lent_connections.leave_step(inner)
    lent_connections.let_go()
    assert pool.count()[0] == 1

    lent_connections.leave_step(outer)
    lent_connections.let_go()
    assert pool.count()[0] == 0


def test_a_connection_that_was_closed_makes_room_for_another(pool: ConnectionPool) -> None:
    found = set[int]()
    for _ in range(5):
        found.add(backend())
        connection.close()

    assert len(found) == 5
    assert pool.count() == (0, 0)


def test_one_that_cannot_be_opened_makes_room_too(
    pool: ConnectionPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**told: object) -> None:
        raise OSError("not now")

    connection_created.connect(refuse)
    try:
        with pytest.raises(OSError, match="not now"):
            backend()
    finally:
        connection_created.disconnect(refuse)

    assert pool.count() == (0, 0)
    assert backend()


def test_what_is_not_needed_for_a_while_is_closed(
    pool: ConnectionPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend()
    lent_connections.let_go()
    lent_connections.close_idle()
    assert pool.count() == (0, 1)

    monkeypatch.setattr(lent_connections, "IDLE_SECONDS", 0)
    lent_connections.close_idle()

    assert pool.count() == (0, 0)


def test_a_worker_of_few_keeps_one_open(
    pool: ConnectionPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lent_connections, "IDLE_SECONDS", 0)
    kept = lent_connections.begin(2, keep=1)
    lent_connections.borrow_here()
    before = backend()
    lent_connections.let_go()

    lent_connections.close_idle()

    assert kept.count() == (0, 1)
    assert backend() == before


def test_a_child_has_no_part_in_it(pool: ConnectionPool) -> None:
    backend()
    child = os.fork()
    if child == 0:
        lends = lent_connections._pool is not None or "connect" in vars(connections["default"])
        os._exit(int(lends))

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert pool.count()[0] == 1


def test_without_a_pool_all_is_as_django_has_it(committed: None) -> None:
    lent_connections.borrow_here()
    before = backend()
    lent_connections.leave_step(lent_connections.enter_step())
    lent_connections.let_go()

    assert backend() == before


@step
def cuts_what_lies_unused() -> None:
    assert lent_connections._pool is not None
    [kept] = lent_connections._pool._kept
    elsewhere(lambda: terminate(kept.raw.info.backend_pid)).result(PATIENCE_SECONDS)
    until(lambda: connection_pool._has_hung_up(kept.raw))


def terminate(pid: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])


@workflow("tests.cut_while_unused")
def cut_while_unused(run: Context) -> None:
    run.step(cuts_what_lies_unused)


def test_a_cut_while_a_step_does_not_use_the_connection_costs_nothing(
    pool: ConnectionPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_pool, "LOOK_AT_IT_AFTER_SECONDS", 0)
    run = start(cut_while_unused)

    work()

    after = get_run(run.id)
    assert (after.state, after.attempt) == (RunState.COMPLETED, 1)


@step
async def waits_on_the_loop(gate: str) -> int:
    used = await sync_to_async(backend)()
    await asyncio.to_thread(gates[gate].wait)
    return used


@workflow("tests.lent_async")
def lent_async(run: Context, gate: str) -> int:
    return run.step(waits_on_the_loop, gate)


def test_a_drive_whose_async_step_waits_holds_none(pool: ConnectionPool, gate: Gate) -> None:
    run = start(lent_async, gate="gate")
    lent_connections.let_go()

    with driven_at_once(1, gate):
        until(lambda: pool.count()[0] == 0)

    assert get_run(run.id).state == RunState.COMPLETED
