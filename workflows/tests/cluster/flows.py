"""What the clusters of these tests drive. Steps leave a line each in the table lab_effect."""

import asyncio
import ctypes
import os
import re
import signal
import socket
import sys
import time
from typing import Any

from asgiref.sync import sync_to_async
from django.db import connection, connections

from workflows.api import (
    Context,
    Limit,
    Rate,
    RetryPolicy,
    StepFailed,
    cancel,
    current_step,
    step,
    workflow,
)

SOON = RetryPolicy(attempts=5, first_delay_seconds=0.02, factor=1, jitter=0)
PATIENT = RetryPolicy(attempts=100, first_delay_seconds=0.05, factor=1, jitter=0)
ONCE = RetryPolicy(attempts=1)
TWICE = RetryPolicy(attempts=2, first_delay_seconds=0.02, factor=1, jitter=0)
GATE_SECONDS = 60


@step(retry=PATIENT)
def effect(name: str, seconds: float = 0) -> str:
    """Leave a line, outside of any transaction of the engine's. Then take so long."""
    leave(name)
    time.sleep(seconds)
    return name


@step(atomic=True, retry=PATIENT)
def atomic_effect(name: str, seconds: float = 0) -> str:
    """Leave a line that stands or falls with the step's record. Then take so long."""
    leave(name)
    time.sleep(seconds)
    return name


@step(retry=PATIENT)
def slow_effect(name: str, gate: str) -> str:
    """Leave a line, then wait until the file is there. The first attempt only waits in earnest."""
    leave(name)
    wait_for_gate(gate)
    return name


@step(atomic=True, retry=PATIENT)
def slow_atomic_effect(name: str, gate: str) -> str:
    """Leave an atomic line, then wait until the file is there."""
    leave(f"{name} was tried", durable=True)
    leave(name)
    wait_for_gate(gate)
    return name


@step(retry=PATIENT, concurrency=Limit(3, name="three desks"))
def at_a_desk(seconds: float) -> None:
    """Leave a line at the begin and one at the end."""
    leave("begin")
    time.sleep(seconds)
    leave("end")


@workflow("lab.desk")
def desk(run: Context, seconds: float) -> None:
    run.step(at_a_desk, seconds)


@step(retry=PATIENT, rate=Rate(20, name="twenty a second"))
def ring_once() -> None:
    leave("rung")


@workflow("lab.ring")
def ring(run: Context) -> None:
    run.step(ring_once)


@step(retry=SOON)
def third_time_lucky() -> int:
    """Fail twice."""
    info = current_step()
    assert info is not None
    leave(f"attempt {info.attempt}")
    if info.attempt < 3:
        raise ConnectionError("not yet")
    return info.attempt


@step
def cancel_this_run() -> None:
    """Cancel the run that this step is part of."""
    info = current_step()
    assert info is not None
    leave("cancel")
    cancel(info.run_id, reason="enough", by="alice")


@step
def cut_this_connection() -> None:
    """End this worker's own session behind its back, the first three times."""
    leave("cut", durable=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), pg_backend_pid() FROM lab_effect")
        tries, pid = cursor.fetchone()
    if tries <= 3 and "direct" in connections:
        # Behind a pooler the session is lent to others by now; what a drive has is the way to the pooler.
        with socket.socket(fileno=os.dup(connection.connection.fileno())) as way:
            way.shutdown(socket.SHUT_RDWR)
    elif tries <= 3:
        other = connection.copy()
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
        other.close()


@step(atomic=True)
def always_cut() -> None:
    """End this worker's own session, inside the step's transaction."""
    leave("cut", durable=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")


@step
def die() -> None:
    """Take the worker along."""
    leave("die")
    os.kill(os.getpid(), signal.SIGKILL)


@step
def die_in_silence() -> None:
    """Take the worker along, before anything could be written of it."""
    os.kill(os.getpid(), signal.SIGKILL)


@step(retry=ONCE)
def keep_the_interpreter(seconds: int) -> None:
    """Stay in C, with the interpreter's lock, for so long."""
    leave("keep")
    ctypes.PyDLL(None).sleep(seconds)


@step(retry=ONCE)
def match(length: int) -> bool:
    """Compute a regular expression, whose time doubles with each letter, with the interpreter's lock."""
    leave("match")
    return re.match("(a+)+$", "a" * length + "b") is not None


@step(retry=TWICE, timeout_seconds=20)
def match_within_limits(length: int) -> bool:
    """The same, which a signal can end."""
    leave("match")
    return re.match("(a+)+$", "a" * length + "b") is not None


@step(retry=TWICE, timeout_seconds=20)
def keep_within_limits(seconds: int) -> None:
    """Stay in C, with the interpreter's lock, where no signal ends it."""
    leave("keep")
    ctypes.PyDLL(None).sleep(seconds)


@step(timeout_seconds=1, retry=TWICE)
def never_come_back() -> None:
    """Wait in C for what never comes, with the interpreter's lock; no signal ends that."""
    leave("wait")
    libc, mutex = ctypes.PyDLL(None), ctypes.create_string_buffer(256)
    for _ in range(2):
        libc.pthread_mutex_lock(mutex)


@step(timeout_seconds=1, retry=TWICE)
def never_come_back_alone() -> None:
    """Wait in C for what never comes, without the interpreter's lock."""
    wait_in_c()


@step(timeout_seconds=1, retry=ONCE)
def never_come_back_once() -> None:
    """The same, and no second attempt."""
    wait_in_c()


def wait_in_c() -> None:
    """Lock what is locked, so that no signal and no exception ends it."""
    leave("wait")
    libc, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(256)
    for _ in range(2):
        libc.pthread_mutex_lock(mutex)


@step(timeout_seconds=1, retry=TWICE)
async def block_the_loop() -> None:
    """Wait for what never comes without awaiting it: the limit cannot cancel that."""
    await sync_to_async(leave)("wait")
    time.sleep(600)


def leave(name: str, *, durable: bool = False) -> None:
    """Leave a line that says what was done, for which run, by whom, under which key."""
    info = current_step()
    assert info is not None
    line: list[Any] = [info.run_id, name, info.idempotency_key, os.getpid()]
    sql = "INSERT INTO lab_effect (run_id, name, key, pid) VALUES (%s, %s, %s, %s)"
    if durable:
        other = connection.copy()
        with other.cursor() as cursor:
            cursor.execute(sql, line)
        other.close()
        return
    with connection.cursor() as cursor:
        cursor.execute(sql, line)


def wait_for_gate(gate: str) -> None:
    """Wait until the file is there, or one that lets this process alone through."""
    deadline = time.monotonic() + GATE_SECONDS
    while not (os.path.exists(gate) or os.path.exists(f"{gate}.{os.getpid()}")):
        if time.monotonic() > deadline:
            raise TimeoutError(f"nobody opened {gate}")
        time.sleep(0.005)


@workflow("lab.three_steps")
def three_steps(run: Context, crash_at: str | None = None) -> list[str]:
    """Three plain steps."""
    return [run.step(effect, name) for name in "abc"]


@workflow("lab.atomic_steps")
def atomic_steps(run: Context, crash_at: str | None = None) -> list[str]:
    """Three atomic steps."""
    return [run.step(atomic_effect, name) for name in "abc"]


@workflow("lab.waits")
def waits(run: Context, crash_at: str | None = None) -> list[str]:
    """A wait whose event was sent early, one that times out, and a step after each."""
    word = run.wait_event("word", timeout_seconds=60)
    first = run.step(atomic_effect, word)
    other = run.wait_event(("other", "another"), timeout_seconds=0.02)
    return [first, run.step(atomic_effect, "late" if other is None else other.name)]


@workflow("lab.retries")
def retries(run: Context, crash_at: str | None = None) -> int:
    """A step that succeeds at its third attempt."""
    return run.step(third_time_lucky)


@workflow("lab.sleeps")
def sleeps(run: Context, crash_at: str | None = None, seconds: float = 0.02) -> list[str]:
    """Two sleeps between atomic steps."""
    before = run.step(atomic_effect, "before")
    run.sleep(seconds)
    between = run.step(atomic_effect, "between")
    run.sleep(seconds)
    return [before, between, run.step(atomic_effect, "after")]


@workflow("lab.cancelled")
def cancelled(run: Context, crash_at: str | None = None) -> None:
    """A run that is cancelled while it is driven."""
    run.step(atomic_effect, "before")
    run.step(cancel_this_run)
    run.step(atomic_effect, "never")


@workflow("lab.labelled")
def labelled(run: Context, crash_at: str | None = None) -> str:
    """Labels for people, with a step between them."""
    run.set_status("Beginning")
    done = run.step(atomic_effect, "done")
    run.set_status("Ending")
    return done


@workflow("lab.blocked")
def blocked(run: Context, crash_at: str | None = None) -> None:
    """A run that asks for what cannot be."""
    run.step(atomic_effect, "before")
    run.wait_event(())


@workflow("lab.held")
def held(run: Context, gate: str, steps: int = 1, crash_at: str | None = None) -> list[str]:
    """Steps that wait for a gate."""
    return [run.step(slow_effect, f"slow {n}", gate) for n in range(steps)]


@step(retry=PATIENT)
async def awaited_effect(name: str, gate: str) -> str:
    """Leave a line over the ORM's connection, then wait until the file is there."""
    await sync_to_async(leave)(name)
    await asyncio.to_thread(wait_for_gate, gate)
    return name


@workflow("lab.on_a_card", pool="lab_gpu")
def on_a_card(run: Context) -> str:
    """A run for clusters that serve another pool."""
    return run.step(effect, "on a card")


@workflow("lab.card_parent")
def with_a_card(run: Context) -> list[str]:
    """A parent of the default pool, its child of another."""
    return [run.step(effect, "before"), run.start_child(on_a_card).result()]


@step(pool="lab_gpu", retry=PATIENT)
def effect_on_card(gate: str) -> bool:
    """Leave a line, wait until the file is there, and say whether the cluster serves the pool."""
    leave("on a card")
    wait_for_gate(gate)
    return "lab_gpu" in sys.argv


@step(retry=PATIENT)
def effect_at_home() -> bool:
    """Leave a line, and say whether the cluster serves the pool."""
    leave("at home")
    return "lab_gpu" in sys.argv


@workflow("lab.card_step")
def step_on_a_card(run: Context, gate: str) -> list[bool]:
    """A step of another pool between two of its own."""
    first = run.step(effect_at_home)
    return [first, run.step(effect_on_card, gate), run.step(effect_at_home)]


@workflow("lab.held_async")
def held_async(run: Context, gate: str) -> list[str]:
    """An async step that waits for a gate, then two at once."""
    first = run.step(awaited_effect, "slow 0", gate)
    return [first, *run.gather(*[run.call(awaited_effect, each, gate) for each in "ab"])]


@workflow("lab.held_atomic")
def held_atomic(run: Context, gate: str) -> list[str]:
    """An atomic step that waits for a gate, and a plain atomic one."""
    return [run.step(slow_atomic_effect, "slow", gate), run.step(atomic_effect, "quick")]


@workflow("lab.many_steps")
def many_steps(run: Context, steps: int, seconds: float = 0) -> int:
    """Plain and atomic steps in turn, each of so many seconds."""
    for n in range(steps):
        run.step(atomic_effect if n % 2 else effect, str(n), seconds)
    return steps


@workflow("lab.waits_long")
def waits_long(run: Context, seconds: float = 3600) -> str | None:
    """One wait."""
    word: str | None = run.wait_event("word", timeout_seconds=seconds)
    return word


@workflow("lab.one_sleep")
def one_sleep(run: Context, seconds: float) -> None:
    """One sleep."""
    run.sleep(seconds)


@workflow("lab.cut")
def cut(run: Context) -> None:
    """Loses its connection in a step, again and again."""
    run.step(cut_this_connection)


@workflow("lab.always_cut")
def cut_for_ever(run: Context) -> None:
    """Loses its connection in an atomic step, whoever drives it."""
    run.step(always_cut)


@workflow("lab.poison")
def poison(run: Context) -> None:
    """Kills whoever drives it."""
    run.step(die)


@step(retry=PATIENT)
def die_in_company(gate: str) -> None:
    """Take the worker along, the first time only once the file is there."""
    leave("die")
    wait_for_gate(gate)
    os.kill(os.getpid(), signal.SIGKILL)


@workflow("lab.poison_in_company")
def poison_in_company(run: Context, gate: str) -> None:
    """Kills whoever drives it, behind a gate."""
    run.step(die_in_company, gate)


@workflow("lab.silent_poison")
def silent_poison(run: Context) -> None:
    """Kills whoever drives it, without a trace of its own, behind a step that is well."""
    run.step(atomic_effect, "before")
    run.step(die_in_silence)


@workflow("lab.keeps_the_interpreter")
def keeps_the_interpreter(run: Context, seconds: int) -> None:
    """A step that lets no other thread of its worker run."""
    run.step(keep_the_interpreter, seconds)


@workflow("lab.matches")
def matches(run: Context, length: int) -> bool:
    """A regular expression that takes its time."""
    return run.step(match, length)


@workflow("lab.matches_within_limits")
def matches_within_limits(run: Context, length: int) -> str:
    """The same with a time limit."""
    try:
        run.step(match_within_limits, length)
    except StepFailed as failed:
        return str(failed)
    return "it came back"


@workflow("lab.keeps_within_limits")
def keeps_within_limits(run: Context, seconds: int) -> str:
    """A call into C with a time limit."""
    try:
        run.step(keep_within_limits, seconds)
    except StepFailed as failed:
        return str(failed)
    return "it came back"


@workflow("lab.never_comes_back")
def never_comes_back(run: Context) -> str:
    """A step that no time limit can interrupt."""
    try:
        run.step(never_come_back)
    except StepFailed as failed:
        return str(failed)
    return "it came back"


@workflow("lab.never_comes_back_alone")
def never_comes_back_alone(run: Context) -> str:
    """A step that no thread can be interrupted in; others go on beside it."""
    try:
        run.step(never_come_back_once)
    except StepFailed as failed:
        return str(failed)
    return "it came back"


@workflow("lab.branch_never_comes_back")
def branch_never_comes_back(run: Context) -> str:
    """The same as a branch, which its drive gives up."""
    try:
        run.gather(run.call(never_come_back_alone), run.call(effect, "beside it"))
    except StepFailed as failed:
        return str(failed)
    return "it came back"


@workflow("lab.loop_never_comes_back")
def loop_never_comes_back(run: Context) -> str:
    """An async step that blocks the event loop of its worker."""
    try:
        run.step(block_the_loop)
    except StepFailed as failed:
        return str(failed)
    return "it came back"


@workflow("lab.leaf")
def leaf(run: Context, number: int, seconds: float = 0) -> int:
    """A child with one atomic step, of so many seconds."""
    run.step(atomic_effect, f"leaf {number}", seconds)
    return number


@workflow("lab.fan")
def fan(run: Context, count: int, limit: int | None = None, seconds: float = 0) -> list[int]:
    """As many children, each of so many seconds."""
    inputs = [{"number": number, "seconds": seconds} for number in range(count)]
    return run.map(leaf, inputs, limit=limit)


@step(atomic=True, retry=PATIENT)
def lock_and_hold(gate: str) -> None:
    """Lock the row that all of these steps lock, then wait until the file is there."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE lab_effect SET at = clock_timestamp() WHERE name = 'the row of all'")
    leave("has the row", durable=True)
    wait_for_gate(gate)


@workflow("lab.locking")
def locking(run: Context, gate: str) -> None:
    """One atomic step that holds a lock."""
    run.step(lock_and_hold, gate)
