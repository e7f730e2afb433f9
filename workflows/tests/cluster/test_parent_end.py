"""The processes of a step end with their worker, not with the thread that forked them."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import suppress

import pytest

from workflows.cluster.process_state import lives
from workflows.tests.builders import until

PROGRAM = """
    import multiprocessing, os, select, signal, threading, time
    from django.conf import settings
    from workflows.cluster import shared, step_processes

    settings.configure()
    shared.install()
    step_processes.install()
    FORK = multiprocessing.get_context("fork")
    begun, asked, answered = os.pipe(), os.pipe(), os.pipe()

    def say(pid):
        os.write(1, f"{pid}\\n".encode())

    def keep_the_interpreter():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        say(os.getpid())
        os.write(begun[1], b".")
        while True:
            pass

    def has_a_child_of_its_own():
        say(os.getpid())
        FORK.Process(target=keep_the_interpreter).start()
        os.read(asked[0], 1)
        os.write(answered[1], b".")
        time.sleep(600)

    def begin_processes():
        if os.fork() == 0:  # by hand, which is its maker's affair: it keeps nobody else alive
            time.sleep(600)
        FORK.Process(target=has_a_child_of_its_own).start()
        os.read(begun[0], 1)

    def worker():
        say(os.getpid())
        thread = threading.Thread(target=begin_processes)
        thread.start()
        thread.join()
        while len(os.listdir("/proc/self/task")) > 1:  # its own end comes a little later
            pass
        os.write(asked[1], b".")
        say(len(select.select([answered[0]], [], [], 5)[0]))
        time.sleep(600)

    if os.fork() == 0:  # the sentinel
        if os.fork() == 0:
            worker()
        time.sleep(600)
    time.sleep(600)
"""


@pytest.fixture
def told() -> Iterator[list[int]]:
    """Return what a worker and the two processes of its step say: their pids, and at last whether the
    first of these answers once the thread that forked it has ended."""
    command = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PROGRAM)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert command.stdout is not None
    yield [int(command.stdout.readline()) for _ in range(4)]
    with suppress(ProcessLookupError):
        os.killpg(command.pid, signal.SIGKILL)
    command.wait()
    command.stdout.close()


@pytest.mark.skipif(sys.platform != "linux", reason="it is Linux that ends them")
def test_they_outlive_the_thread_that_forked_them_and_die_with_the_worker(told: list[int]) -> None:
    worker, *steps, answered = told
    assert answered

    os.kill(worker, signal.SIGKILL)

    until(lambda: not any(map(lives, steps)))
