"""The pusher renews what living workers hold, all in one statement, and shows what they are at."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from workflows.api import start
from workflows.cluster import held_runs
from workflows.cluster.held_runs import StepsInMemory
from workflows.cluster.lease_renewal import SHOW_AFTER_SECONDS, Renewal, look_every_seconds
from workflows.core.run import ClaimedRun
from workflows.core.running_steps import read_shown
from workflows.engine.attempts.running_step import Running
from workflows.store.database import Connection
from workflows.tests.builders import (
    claim,
    connected,
    counted_statements,
    expire_lease,
    give_to_another,
    row,
    swept,
)
from workflows.tests.cluster.lab import Lab
from workflows.tests.cluster.slots import an_attempt, as_a_worker
from workflows.tests.flows import greet_once

pytestmark = pytest.mark.usefixtures("lab")


@pytest.fixture
def own(lab: Lab) -> Iterator[Connection]:
    with connected() as own:
        yield own


@pytest.fixture
def renewal(settings: object) -> Renewal:
    """Return a pusher's account to which every lease is due at once."""
    settings.WORKFLOWS = {"lease_seconds": 0.003}  # type: ignore[attr-defined]
    return Renewal()


@contextmanager
def held_since(seconds: float) -> Iterator[ClaimedRun]:
    """A run that this process holds as a worker, in a step that began so long ago."""
    start(greet_once, name="Alice")
    run = claim()
    with as_a_worker():
        held_runs.hold(run)
        attempt = in_a_step(run, seconds)
        time.sleep(0.002)
        yield run
        StepsInMemory().ended(attempt)


def in_a_step(run: ClaimedRun, seconds: float) -> Running:
    attempt = an_attempt("greet", run_id=run.id, attempt=run.attempt)
    attempt.began -= seconds
    StepsInMemory().begun(attempt)
    return attempt


def test_the_lease_of_a_living_worker_is_renewed(own: Connection, renewal: Renewal) -> None:
    with held_since(0) as run:
        expire_lease(run.id)
        before = row(run.id)["lease_until"]

        renewal(own)

        assert row(run.id)["lease_until"] > before


def test_all_workers_are_renewed_by_one_statement_and_none_before_it_is_due(
    own: Connection, settings: object
) -> None:
    settings.WORKFLOWS = {"lease_seconds": 0.3}  # type: ignore[attr-defined]
    renewal = Renewal()
    with held_since(0):
        with counted_statements() as at_once:
            renewal(own)
        time.sleep(0.11)
        with counted_statements() as when_due:
            renewal(own)
            renewal(own)

    assert (len(at_once), len(when_due)) == (0, 1)


def test_a_stopped_or_dead_worker_is_not_renewed(own: Connection, renewal: Renewal) -> None:
    start(greet_once, name="Alice")
    run = claim()
    sleeper = subprocess.Popen(["sleep", "60"])
    with as_a_worker(sleeper.pid):
        held_runs.hold(run)
        time.sleep(0.002)
        expire_lease(run.id)
        os.kill(sleeper.pid, signal.SIGSTOP)
        os.waitpid(sleeper.pid, os.WUNTRACED)
        renewal(own)
        stopped = row(run.id)["lease_until"]
        sleeper.kill()
        sleeper.wait()
        renewal(own)
        dead = row(run.id)["lease_until"]

    assert stopped == dead
    assert [each for each, *_ in swept()] == [run.id]


def test_a_run_that_belongs_to_another_is_left(own: Connection, renewal: Renewal) -> None:
    with held_since(0) as run:
        again = give_to_another(run)
        expire_lease(run.id)

        renewal(own)

        assert [each for each, *_ in swept()] == [again.id]


def test_a_row_that_somebody_has_locked_is_passed_over(own: Connection, renewal: Renewal) -> None:
    with held_since(0) as run, connected() as other:
        expire_lease(run.id)
        other.autocommit = False
        other.execute("SELECT FROM workflows_run WHERE id = %s FOR UPDATE", [run.id])

        renewal(own)

        other.rollback()
        assert [each for each, *_ in swept()] == [run.id]


def test_a_long_step_is_shown_once_before_the_lease_is_due(own: Connection) -> None:
    renewal = Renewal()
    with held_since(SHOW_AFTER_SECONDS) as run:
        with counted_statements() as sent:
            renewal(own)
            renewal(own)
        [step] = read_shown(row(run.id)["running_steps"], run.attempt)

    assert len(sent) == 1
    assert (step.name, step.host, step.pid) == ("greet", socket.gethostname(), os.getpid())


def test_a_short_step_costs_no_statement(own: Connection) -> None:
    with held_since(0), counted_statements() as sent:
        Renewal()(own)

    assert sent == []


@pytest.mark.parametrize(("lease", "every"), [(15.0, 1.0), (0.3, 0.1)])
def test_the_pusher_looks_often_enough(settings: object, lease: float, every: float) -> None:
    settings.WORKFLOWS = {"lease_seconds": lease}  # type: ignore[attr-defined]

    assert look_every_seconds() == pytest.approx(every)
