"""What processes that steps start inherit of their worker. A real cluster: test_multiprocessing.py."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time

import pytest
from django.db import connection

from workflows.cluster import shared, step_processes

FORK = multiprocessing.get_context("fork")


def test_a_sentinel_that_breaks_down_waits_for_no_worker() -> None:
    child = FORK.Process(target=time.sleep, args=[60], daemon=False)
    child.start()

    step_processes._end_children()
    child.join(10)

    assert child.exitcode is not None


@pytest.mark.django_db
def test_a_child_has_connections_of_its_own() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    inherited = connection.connection

    def look() -> None:
        step_processes.forget_connections()
        raise SystemExit(3 if connection.connection is None else 4)

    child = FORK.Process(target=look)
    child.start()
    child.join(10)

    assert child.exitcode == 3
    assert connection.connection is inherited
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


@pytest.mark.parametrize(
    ("generation", "sentinel", "steps"), [(0, False, False), (1, True, False), (3, False, True)]
)
def test_a_process_knows_its_place(
    monkeypatch: pytest.MonkeyPatch, generation: int, sentinel: bool, steps: bool
) -> None:
    monkeypatch.setattr(shared, "_generation", generation)

    assert (shared.is_sentinel(), shared.belongs_to_a_step()) == (sentinel, steps)


BORN_SLOWLY = """
import multiprocessing, os, signal, time

from workflows.cluster import shared, step_processes

shared._generation = shared.CHILD  # a worker, to which SIGTERM means nothing
signal.signal(signal.SIGTERM, lambda *_: None)
step_processes.install()
os.register_at_fork(after_in_child=lambda: (os.write(told, b"."), time.sleep(1)))
heard, told = os.pipe()

child = multiprocessing.get_context("fork").Process(target=time.sleep, args=[60])
child.start()
os.read(heard, 1)
child.terminate()
child.join(20)
print(child.exitcode)
"""


def test_a_child_that_is_ended_while_it_is_born_ends() -> None:
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "toolsite.tests.settings"}
    ended = subprocess.run(
        [sys.executable, "-c", BORN_SLOWLY], env=env, capture_output=True, text=True, timeout=60
    )

    assert (ended.stdout, ended.stderr) == (f"{-signal.SIGTERM}\n", "")
