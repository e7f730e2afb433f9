"""What the processes of a cluster share. Forks change a process for good: each test has its own."""

import subprocess
import sys
import textwrap

PREFACE = """
import os, signal, time
from workflows.cluster import shared

def child(do):
    pid = os.fork()
    if pid:
        return pid
    do()
    os._exit(0)

def wait(pid):
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0

shared.install()
"""


def in_a_process(code: str) -> None:
    """Run code in a process of its own; it must not fail."""
    program = PREFACE + textwrap.dedent(code)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 0, done.stderr


def test_each_child_of_the_sentinel_has_a_slot_of_its_own() -> None:
    in_a_process("""
        ready, told = os.pipe()

        def stay():
            shared.set_busy(1)
            os.write(told, b".")
            signal.pause()

        def sentinel():
            for number in (1, 2, 3):
                child(stay)
                os.read(ready, 1)
                assert shared.busy_workers() == number

        wait(child(sentinel))
    """)


def test_the_slot_of_the_dead_is_given_away_again() -> None:
    in_a_process("""
        def sentinel():
            for _ in range(50):
                wait(child(lambda: (shared.set_busy(1), shared.count_look())))
            assert shared.busy_workers() == 1, shared.busy_workers()
            assert shared.looks() == 50, shared.looks()
            assert shared._used.value == 2, shared._used.value

        wait(child(sentinel))
    """)


def test_a_fork_made_by_a_step_touches_nobody_s_numbers() -> None:
    in_a_process("""
        def worker():
            shared.set_busy(1)
            for _ in range(3):
                wait(child(lambda: None))
            assert shared.busy_workers() == 1

        def sentinel():
            wait(child(worker))

        wait(child(sentinel))
    """)


def test_a_fork_made_by_a_step_may_outlive_its_worker() -> None:
    in_a_process("""
        ready, told = os.pipe()

        def from_a_step():
            signal.signal(signal.SIGTERM, lambda *_: None)
            os.write(told, b"%d." % os.getpid())
            signal.pause()

        def sentinel():
            wait(child(lambda: child(from_a_step)))

        wait(child(sentinel))
        left = int(os.read(ready, 20).rstrip(b"."))
        os.kill(left, 0)
        os.kill(left, signal.SIGKILL)
    """)


def test_children_die_with_the_sentinel() -> None:
    in_a_process("""
        ready, told = os.pipe()

        def stay():
            os.write(told, b"%d." % os.getpid())
            signal.pause()

        def sentinel():
            child(stay)
            signal.pause()

        guarded = child(sentinel)
        left = int(os.read(ready, 20).rstrip(b"."))
        os.kill(guarded, signal.SIGKILL)
        os.waitpid(guarded, 0)
        deadline = time.monotonic() + 10
        state = "S"
        while state not in "ZX" and time.monotonic() < deadline:
            try:
                state = open(f"/proc/{left}/stat").read().rpartition(")")[2].split()[0]
            except (FileNotFoundError, ProcessLookupError):
                state = "X"
        assert state in "ZX"
    """)


def test_a_new_cluster_begins_without_the_flags_of_the_old_one() -> None:
    in_a_process("""
        def sentinel():
            wait(child(lambda: (shared.set_busy(1), shared.count_look(), shared.beat())))

        wait(child(sentinel))
        assert shared.busy_workers() == 1

        shared.reset()

        assert (shared.busy_workers(), shared.looks(), shared.beats()) == (0, 0, 0)
    """)


def test_whoever_watches_is_stirred_when_a_worker_falls_idle() -> None:
    in_a_process("""
        import select

        def stirred():
            return bool(select.select([shared.stirred()], [], [], 0)[0])

        shared.set_busy(0)
        assert not stirred()
        shared.watch(True)
        shared.set_busy(1)
        assert not stirred()
        shared.set_busy(0)
        assert stirred()
        shared.calm()
        assert not stirred()
        shared.stop()
        assert stirred()
        for _ in range(100_000):
            shared.stir()
        shared.calm()
        assert not stirred()
    """)
