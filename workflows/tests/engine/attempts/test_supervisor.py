"""One thread watches all limits: each rings at its time, heartbeats put it off, and what goes on is told."""

import itertools
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType

import pytest

from workflows.engine.attempts.supervisor import Supervisor, supervisor
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
    took: dict[float, float] = {}
    seconds = (0.3, 0.1, 0.2)
    before = watchers()  # those of other tests' supervisors

    def note(limit: float) -> None:
        began = time.monotonic()
        ends[limit] = within(Limit(limit), 60)
        took[limit] = time.monotonic() - began

    threads = [threading.Thread(target=note, args=[each]) for each in seconds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert all(isinstance(ends[each], TimeLimitReached) for each in seconds)
    assert all(each <= took[each] < 60 for each in seconds)
    assert watchers() <= before + 1
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


def test_a_limit_of_the_main_thread_leaves_those_of_others_their_end() -> None:
    program = """
        import ctypes, threading
        from workflows.engine.attempts import supervisor
        from workflows.engine.attempts.time_limit import Limit, call_within

        supervisor.GRACE_SECONDS = 0.5
        begun, go_on = threading.Event(), threading.Event()

        def keep():
            begun.set()
            go_on.wait()
            ctypes.PyDLL(None).sleep(20)

        threading.Thread(target=lambda: call_within(Limit(0.5), keep)).start()
        begun.wait()
        call_within(Limit(60), lambda: None)
        go_on.set()
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, check=False
    )

    assert done.returncode == 1


def test_where_no_thread_can_be_begun_all_limits_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    refused, told = list[str](), threading.Event()
    start = threading.Thread.start

    def start_none_at_first(self: threading.Thread) -> None:
        if self.name == "stuck" and not refused:
            refused.append(self.name)
            raise RuntimeError("can't start new thread")
        start(self)

    monkeypatch.setattr(threading.Thread, "start", start_none_at_first)
    limit = Limit(0.1)
    limit.on_stuck = told.set

    def swallow() -> None:
        while not told.is_set():
            try:
                compute(0.1)
            except TimeLimitReached:
                continue

    thread = threading.Thread(target=lambda: within_swallowing(limit, swallow), daemon=True)
    thread.start()

    assert told.wait(30), "it is told as soon as there is room"
    thread.join(30)
    assert refused == ["stuck"]
    assert isinstance(within(Limit(0.1), 60), TimeLimitReached)


def within_swallowing(limit: Limit, deed: Callable[[], None]) -> None:
    with suppress(TimeLimitReached):
        call_within(limit, deed)


def test_a_watch_that_could_not_begin_begins_with_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    one, rung = Supervisor(), threading.Event()
    with monkeypatch.context() as without_room:
        without_room.setattr(threading.Thread, "start", start)
        with pytest.raises(RuntimeError):
            one.watch(Once(rung))

    one.watch(Once(rung))

    assert rung.wait(30)


class Once:
    """Rings at once, and once."""

    def __init__(self, rung: threading.Event) -> None:
        self._rung, self._at = rung, 0.0

    def next_at(self) -> float:
        return self._at

    def ring(self, now: float) -> None:
        self._at = float("inf")
        self._rung.set()


INSIDE = {"supervisor.py", "backstop.py", "threading.py"}


@pytest.mark.parametrize("verb", ["watch", "forget"])
def test_wherever_an_interrupt_comes_the_next_attempt_is_watched(verb: str) -> None:
    """A profiler stands for it: it raises where the interpreter looks for one, at calls and behind them."""
    for number in itertools.count(1):
        one = Supervisor()
        one.watch(Once(threading.Event()))
        seen = itertools.count(1)

        def interrupt(frame: FrameType, event: str, arg: object) -> None:
            where = Path(frame.f_code.co_filename).name
            if where in INSIDE and event != "c_call" and next(seen) == number:  # noqa: B023
                raise TimeLimitReached

        sys.setprofile(interrupt)
        try:
            getattr(one, verb)(Once(threading.Event()))
        except TimeLimitReached:
            came = True
        else:
            came = False
        finally:
            sys.setprofile(None)
        next_one = threading.Event()
        threading.Thread(target=one.watch, args=[Once(next_one)], daemon=True).start()
        assert next_one.wait(5), f"nobody is watched after an interrupt at event {number}"
        if not came:
            return
