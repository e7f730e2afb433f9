"""What is measured: the smallest workflows of each kind."""

import asyncio
import http.client
import os
import time

from django.db import connection

from workflows.api import Context, emit, step, workflow

LONGER_THAN_A_KILL_TAKES_SECONDS = 30.0


@step
def nothing() -> None:
    """Do nothing, so that only the engine's own work is measured."""


@step(atomic=True)
def nothing_in_a_transaction() -> None:
    """Do nothing, in one transaction with its record."""


@step
def hold_until_killed(name: str) -> None:
    """Say which process is here, by the database's clock; the first to come stays."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO bench_witness (name, pid) VALUES (%s, %s) "
            "RETURNING (SELECT count(*) FROM bench_witness WHERE name = %s)",
            [name, os.getpid(), name],
        )
        came_before = cursor.fetchone()[0]
    if not came_before:
        time.sleep(LONGER_THAN_A_KILL_TAKES_SECONDS)


@step
def wait_for_host(port: int) -> int:
    """Ask a host that answers late."""
    host = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        host.request("GET", "/")
        return host.getresponse().status
    finally:
        host.close()


@step
async def await_host(port: int) -> int:
    """Ask the same host on the worker's event loop."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        return int(answer.split()[1])
    finally:
        writer.close()


@workflow("bench.ask_slow_host")
def ask_slow_host(run: Context, port: int) -> int:
    """One step that waits outside."""
    return run.step(wait_for_host, port)


@workflow("bench.await_slow_host")
def await_slow_host(run: Context, port: int) -> int:
    """One async step that waits outside."""
    return run.step(await_host, port)


@workflow("bench.no_steps")
def no_steps(run: Context) -> None:
    """Claim and end."""


@workflow("bench.one_step")
def one_step(run: Context) -> None:
    """Claim, one step, end."""
    run.step(nothing)


@workflow("bench.one_atomic_step")
def one_atomic_step(run: Context) -> None:
    """Claim, one step with its effect and record in one transaction, end."""
    run.step(nothing_in_a_transaction)


@workflow("bench.three_steps")
def three_steps(run: Context) -> None:
    """Claim, three steps, end: five commits, as the bare loop does them."""
    run.step(nothing)
    run.step(nothing)
    run.step(nothing)


@workflow("bench.one_by_one")
def one_by_one(run: Context, count: int) -> None:
    """Many steps, one after the other."""
    for _ in range(count):
        run.step(nothing)


@workflow("bench.gathered")
def gathered(run: Context, count: int) -> None:
    """Many steps at once, eight at a time."""
    run.gather(*[run.call(nothing) for _ in range(count)], limit=8)


@workflow("bench.mapped")
def mapped(run: Context, count: int) -> None:
    """Many children of one step, for whichever process is free."""
    run.map(one_step, [{} for _ in range(count)])


@workflow("bench.wait_for_event")
def wait_for_event(run: Context, timeout_seconds: float) -> None:
    """Wait, end."""
    run.wait_event("go", timeout_seconds=timeout_seconds)


@workflow("bench.hold")
def hold(run: Context, name: str) -> None:
    """Be under way until the worker is killed; then end at once elsewhere."""
    run.step(hold_until_killed, name)


@step
def talk(seconds: float, a_second: int, is_heard: bool) -> None:
    """Emit the time so many times a second; without being heard, only go through the motions."""
    began = time.monotonic()
    for number in range(int(seconds * a_second)):
        time.sleep(max(0.0, began + number / a_second - time.monotonic()))
        if is_heard:
            emit(time.time())


@workflow("bench.talking")
def talking(run: Context, seconds: float, a_second: int, is_heard: bool) -> None:
    """One step that emits."""
    run.step(talk, seconds, a_second, is_heard)
