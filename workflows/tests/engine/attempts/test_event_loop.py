"""The event loop of a process: one, which goes on whatever steps leave on it."""

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections

from workflows import signals
from workflows.engine.attempts import event_loop as event_loops
from workflows.engine.attempts.event_loop import PlainThreads, event_loop
from workflows.tests.builders import PATIENCE_SECONDS, driven
from workflows.tests.engine.attempts.awaiting import hooks, working
from workflows.tests.flows import notes


def test_there_is_one_in_a_daemon_thread_of_its_own() -> None:
    with ThreadPoolExecutor(4) as threads:
        found = {id(each.result()) for each in [threads.submit(event_loop) for _ in range(8)]}

    assert len(found) == 1
    assert [each.daemon for each in threading.enumerate() if each.name == "event loop"] == [True]


def test_a_child_process_makes_its_own() -> None:
    async def one() -> int:
        return 1

    event_loop()
    child = os.fork()
    if child == 0:
        answer = asyncio.run_coroutine_threadsafe(one(), event_loop()).result(PATIENCE_SECONDS)
        os._exit(40 + answer)

    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 41


@pytest.mark.django_db
def test_what_a_step_leaves_behind_does_not_end_the_loop() -> None:
    async def leave_a_mess() -> None:
        async def leave() -> None:
            raise SystemExit(2)

        notes.note(str(asyncio.create_task(leave()).done()))

    hooks["a"] = leave_a_mess

    assert driven(working, name="a").output == ["A", "AGAIN"]


@pytest.mark.django_db
def test_a_step_that_stops_the_loop_stops_nobody_s() -> None:
    async def stop() -> None:
        asyncio.get_running_loop().stop()
        await asyncio.sleep(0.01)

    hooks["a"] = stop

    assert driven(working, name="a").output == ["A", "AGAIN"]
    assert driven(working, name="b").output == ["B", "AGAIN"]


@pytest.mark.usefixtures("committed")
def test_connections_of_plain_threads_are_closed_behind_each_call() -> None:
    def ask() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            return int(cursor.fetchone()[0])

    found: list[int] = []

    async def look() -> None:
        found.append(await asyncio.to_thread(ask))
        found.append(await sync_to_async(ask, thread_sensitive=False)())

    hooks["a"] = look
    driven(working, name="a")

    assert len(set(found)) == 2
    assert ask() not in found


def test_plain_threads_are_daemons_no_more_than_their_number_and_end_when_idle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_loops, "IDLE_SECONDS", 0.05)
    threads, both = PlainThreads(2), threading.Barrier(2)

    def meet() -> threading.Thread:
        both.wait(PATIENCE_SECONDS)
        return threading.current_thread()

    calls = [threads.submit(meet) for _ in range(6)]
    seen = {each.result(PATIENCE_SECONDS) for each in calls}
    for thread in seen:
        thread.join(PATIENCE_SECONDS)

    assert all(thread.daemon and not thread.is_alive() for thread in seen)
    assert threads.submit(int, "7").result(PATIENCE_SECONDS) == 7


def test_an_error_of_a_plain_call_is_its_caller_s() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        PlainThreads(1).submit(int, "seven").result(PATIENCE_SECONDS)


def test_a_connection_that_cannot_be_closed_costs_no_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[BaseException] = []

    def listen(error: BaseException, **_: object) -> None:
        told.append(error)

    def close_all() -> None:
        raise OSError("it is stuck")

    monkeypatch.setattr(connections, "close_all", close_all)
    signals.worker_failed.connect(listen)
    threads = PlainThreads(1)

    try:
        answers = [threads.submit(int, "7").result(5) for _ in range(3)]
    finally:
        signals.worker_failed.disconnect(listen)

    assert answers == [7, 7, 7]
    assert [str(error) for error in told[:2]] == ["it is stuck"] * 2
