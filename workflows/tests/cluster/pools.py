"""Steps that start processes of their own, and one that emits."""

import multiprocessing
import os
import time
from pathlib import Path

from django.db import connection

from workflows.api import Context, emit, step, workflow
from workflows.tests.cluster.flows import PATIENT, leave, wait_for_gate


def children(folder: Path) -> list[int]:
    """Return the processes that have written themselves down."""
    return [int(path.name.removeprefix("child-")) for path in folder.glob("child-*")]


def square(number: int) -> int:
    """Runs in a process of the pool."""
    return number * number


def note_and_wait(folder: str) -> int:
    """Write down who runs, and wait for the gate there."""
    pid = os.getpid()
    Path(folder, f"child-{pid}").touch()
    wait_for_gate(str(Path(folder, "gate")))
    return pid


def count_groups(_: int) -> int:
    """Use the database from a process of the pool."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 7")
        return int(cursor.fetchone()[0])


@step
def squares(numbers: list[int]) -> list[int]:
    """Compute in two processes."""
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return pool.map(square, numbers)


@step
def squares_of_fresh_processes(numbers: list[int]) -> list[int]:
    """Compute in processes that begin anew."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.map(abs, numbers)


@step
def asked_of_the_database() -> list[int]:
    """Let the pool's processes use the database, and use it afterwards."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    with multiprocessing.get_context("fork").Pool(2) as pool:
        found = pool.map(count_groups, range(4))
    leave("still connected")
    return found


@step(retry=PATIENT)
def held_pool(folder: str) -> str:
    """Wait in the pool's processes until the gate is there."""
    leave("began")
    with multiprocessing.get_context("fork").Pool(2) as pool:
        pool.map(note_and_wait, [folder, folder], chunksize=1)
    return "done"


@step(timeout_seconds=0.5)
def endless_pool(folder: str) -> None:
    """Be interrupted while the pool's processes run."""
    with multiprocessing.get_context("fork").Pool(1) as pool:
        Path(folder, f"child-{pool._pool[0].pid}").touch()  # type: ignore[attr-defined]
        pool.map(time.sleep, [60])


@workflow("lab.squares")
def squaring(run: Context) -> list[int]:
    """Compute in processes of both kinds."""
    return run.step(squares, [1, 2, 3]) + run.step(squares_of_fresh_processes, [-4])


@workflow("lab.pool_with_database")
def asking(run: Context) -> list[int]:
    """Use the database in the pool."""
    return run.step(asked_of_the_database)


@workflow("lab.held_pool")
def holding(run: Context, folder: str) -> str:
    """Hold a pool."""
    return run.step(held_pool, folder)


@workflow("lab.endless_pool")
def endless(run: Context, folder: str) -> None:
    """Be interrupted."""
    run.step(endless_pool, folder)


@step(retry=PATIENT)
def talk(gate: str) -> None:
    """Emit three numbers, wait for the gate, emit a word."""
    for number in range(3):
        emit(number)
    wait_for_gate(gate)
    emit("done")


@workflow("lab.talking")
def talking(run: Context, gate: str) -> None:
    run.step(talk, gate)
