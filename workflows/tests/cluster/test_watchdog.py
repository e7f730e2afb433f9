"""When the watchdog ends a cluster, and when not."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from workflows.cluster import shared
from workflows.cluster.watchdog import EXIT_STALLED, MANY_RESULTS, Watchdog
from workflows.tests.cluster.slots import as_a_worker

BEAT_SECONDS = 0.5
STALL_BEATS = 6
"""stall_seconds is 3 by default."""


class Ended(Exception):
    """The process would have ended."""


@dataclass
class Report:
    """What the sentinel reports."""

    task_q_size: int = 0
    done_q_size: int = 0
    workers: list[int] = field(default_factory=lambda: [os.getpid(), os.getpid() + 1])


@pytest.fixture(autouse=True)
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the end of the process be an exception, and leave the signals of this one alone."""

    def end(code: int) -> None:
        raise Ended(code)

    monkeypatch.setattr(os, "_exit", end)
    shared.reset()
    shared.beat()
    yield
    shared.reset()


@pytest.fixture
def watchdog() -> Watchdog:
    """Return a watchdog that has seen a quiet cluster once."""
    watchdog = Watchdog(BEAT_SECONDS)
    watchdog.beat(Report())
    return watchdog


def test_tasks_that_wait_beside_idle_workers_end_the_cluster(watchdog: Watchdog) -> None:
    for _ in range(STALL_BEATS - 1):
        watchdog.beat(Report(task_q_size=1))

    with pytest.raises(Ended, match=str(EXIT_STALLED)):
        watchdog.beat(Report(task_q_size=1))


def test_a_starved_cluster_that_gets_on_at_all_is_left_alone(watchdog: Watchdog) -> None:
    for _ in range(5):
        for _ in range(STALL_BEATS - 1):
            watchdog.beat(Report(task_q_size=1))
        shared.count_look()
        watchdog.beat(Report(task_q_size=1))


def test_tasks_that_wait_for_busy_workers_are_no_stall(watchdog: Watchdog) -> None:
    shared.set_busy(1)
    shared._pids[0] = os.getpid()

    for _ in range(3 * STALL_BEATS):
        watchdog.beat(Report(task_q_size=1, workers=[os.getpid()]))


def test_the_flag_of_a_worker_that_died_busy_hides_no_stall(watchdog: Watchdog) -> None:
    shared.set_busy(1)

    with pytest.raises(Ended):
        for _ in range(STALL_BEATS):
            watchdog.beat(Report(task_q_size=1, workers=[os.getpid() + 1]))


def test_results_that_nobody_takes_end_the_cluster(watchdog: Watchdog) -> None:
    with pytest.raises(Ended):
        for _ in range(STALL_BEATS):
            watchdog.beat(Report(done_q_size=MANY_RESULTS + 1))


def test_a_stopping_cluster_is_left_to_stop(
    watchdog: Watchdog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "stopping", lambda: True)

    for _ in range(3 * STALL_BEATS):
        watchdog.beat(Report(task_q_size=1))


def test_every_beat_is_counted_for_the_command(watchdog: Watchdog) -> None:
    before = shared.beats()

    watchdog.beat(Report())

    assert shared.beats() == before + 1


def test_whoever_lived_when_the_watchdog_ended_the_cluster_is_not_to_blame(
    watchdog: Watchdog,
) -> None:
    ended = subprocess.Popen(["true"])
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)

    for pid, spared in ((None, True), (ended.pid, False)):
        with as_a_worker(pid):
            shared.set_holding(True)
            with pytest.raises(Ended):
                for _ in range(STALL_BEATS):
                    watchdog.beat(Report(task_q_size=1))
            assert [holder.spared for holder in shared.holders()] == [spared]
    ended.wait()
