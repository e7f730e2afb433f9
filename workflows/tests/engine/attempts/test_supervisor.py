"""One thread watches all limits: each rings at its time, heartbeats put it off, and what goes on is told."""

import subprocess
import sys
import textwrap
import threading
import time

import pytest

from workflows.engine.attempts.supervisor import supervisor
from workflows.engine.attempts.time_limit import Limit, TimeLimitReached, call_within


def within(limit: Limit, seconds: float) -> BaseException | None:
    """Run Python for so long in a thread; return what ended it."""
    ends: list[BaseException | None] = []

    def attempt() -> None:
        try:
            call_within(limit, lambda: compute(seconds))
        except BaseException as exc:
            ends.append(exc)
        else:
            ends.append(None)

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join(60)
    return ends[0]


def compute(seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pass


def watchers() -> int:
    return sum(thread.name == "time limits" for thread in threading.enumerate())


def test_each_attempt_is_interrupted_at_its_own_limit_by_one_thread() -> None:
    ends: dict[float, BaseException | None] = {}
    seconds = (0.3, 0.1, 0.2)

    def note(limit: float) -> None:
        ends[limit] = within(Limit(limit), 60)

    threads = [threading.Thread(target=note, args=[each]) for each in seconds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert list(ends) == [0.1, 0.2, 0.3]
    assert all(isinstance(end, TimeLimitReached) for end in ends.values())
    assert watchers() == 1
    assert supervisor()._watched == set()


def test_a_limit_that_is_not_reached_interrupts_nothing() -> None:
    assert within(Limit(60), 0.01) is None


def test_an_attempt_that_goes_on_beyond_its_limit_is_told_of_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("workflows.engine.attempts.time_limit.RING_AGAIN_SECONDS", 0.05)
    limit, told, go_on = Limit(0.05), threading.Semaphore(0), threading.Lock()
    limit.on_stuck = told.release
    go_on.acquire()

    def attempt() -> None:
        with pytest.raises(TimeLimitReached):
            call_within(limit, go_on.acquire)  # a wait that no exception reaches

    thread = threading.Thread(target=attempt)
    thread.start()
    assert told.acquire(timeout=60)
    time.sleep(0.2)
    again = told.acquire(blocking=False)
    go_on.release()
    thread.join(60)

    assert not again


def test_a_process_whose_interpreter_is_kept_is_ended() -> None:
    program = """
        import ctypes, threading
        from workflows.engine.attempts import supervisor, time_limit

        supervisor.GRACE_SECONDS = 0.3
        keep = lambda: ctypes.PyDLL(None).sleep(60)
        thread = threading.Thread(
            target=lambda: time_limit.call_within(time_limit.Limit(0.1), keep)
        )
        thread.start()
        thread.join()
    """
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, check=False
    )

    assert done.returncode == 1
    assert time.monotonic() - began < 30
