"""Real clusters start runs by schedules: in time, once for each tick, whoever dies, whatever a host's clock."""

import os
import signal
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from unittest import mock

import pytest

from workflows.api import get_schedule, next_times, pause_schedule, put_schedule
from workflows.cluster import schedule_chore
from workflows.cluster.chores import Chore, Chores
from workflows.cluster.database_watch import DatabaseWatch
from workflows.models import Run, Schedule as Row
from workflows.store.database import Connection
from workflows.tests.builders import connected
from workflows.tests.cluster import flows
from workflows.tests.cluster.lab import Lab, completed, wait_for
from workflows.tests.cluster.ticking import each_tick_once, ticks_of
from workflows.tests.listening import announced
from workflows.tests.schedules import HOUR, made

TICKS = 8


@pytest.fixture
def own(lab: Lab) -> Iterator[Connection]:
    with connected() as own:
        yield own


def test_nothing_is_looked_for_before_it_is_due(own: Connection) -> None:
    made(every_seconds=HOUR)
    starting = schedule_chore.StartDue()

    starting(own)

    assert 1 < starting.every_seconds() <= schedule_chore.LOOK_EVERY_SECONDS + 1


def test_a_ring_brings_the_next_look_forward(own: Connection) -> None:
    starting = schedule_chore.StartDue()
    starting(own)

    starting.look_soon()

    assert starting.every_seconds() == 0


def chore(seconds: float) -> Chore:
    return Chore(name=str(seconds), every_seconds=lambda: seconds, do=lambda own: None)


def test_chores_say_when_the_next_of_them_is_due(own: Connection) -> None:
    account = Chores([chore(30.0), chore(7.0)])

    account.do_what_is_due(own, DatabaseWatch())

    assert 6 < account.seconds_to_next() <= 7


def test_a_schedule_that_nobody_starts_is_told_once(own: Connection) -> None:
    made()
    Row.objects.update(next_at="2026-01-01T00:00Z")
    declare = schedule_chore.Declare()

    with announced("schedule_late") as told:
        declare(own)
        declare(own)

    [(_, said)] = told
    assert (said["schedule"], said["workflow"]) == ("report", "tests.wait")


def test_three_clusters_start_each_tick_once_though_one_is_killed(lab: Lab) -> None:
    """The soak of a minute is soak_schedules.py."""
    clusters = [lab.cluster(workers=1).wait_until_ready() for _ in range(3)]
    put_schedule("ticks", flows.atomic_steps, every_seconds=1, overlap="allow")

    wait_for(lambda: len(ticks_of("ticks")) >= TICKS // 2, "ticks", clusters[0].words)
    for pid in clusters[0].pids("pusher") + clusters[0].pids("sentinel"):
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: len(ticks_of("ticks")) >= TICKS, "more ticks", clusters[1].words)
    pause_schedule("ticks")

    each_tick_once("ticks")
    started = get_schedule("ticks").started
    wait_for(lambda: completed("lab.atomic_steps") == started, "their ends", clusters[1].words)


def test_a_tick_is_on_time_though_nobody_rings_and_polls_are_long(lab: Lab) -> None:
    cluster = lab.cluster(workers=1, poll_seconds=5).wait_until_ready()
    put_schedule("ticks", flows.atomic_steps, every_seconds=1, overlap="allow")

    wait_for(lambda: len(ticks_of("ticks")) >= 4, "ticks", cluster.words)
    pause_schedule("ticks")

    late = [
        run.created_at - datetime.fromisoformat(str(run.key).removeprefix("schedule:ticks:"))
        for run in Run.objects.all()
    ]
    assert max(sorted(late)[:-1]) < timedelta(seconds=0.5)


def test_a_hosts_clock_that_is_wrong_by_hours_changes_nothing(lab: Lab, own: Connection) -> None:
    made(every_seconds=1, overlap="allow")
    starting = schedule_chore.StartDue()
    before = len(next_times("report"))

    for shift in (-7200.0, 7200.0):
        real = time.time()
        with mock.patch("time.time", return_value=real + shift):
            starting(own)
    each_tick_once("report")

    assert before == 10
    assert starting.every_seconds() <= 1.1
