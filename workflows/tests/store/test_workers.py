"""Who is alive: counted while they live, forgotten afterwards; leases are the holder's to extend."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from workflows.core.running_steps import HeldRun
from workflows.core.states import RunState
from workflows.models import Worker
from workflows.store.workers import extend_leases, forget_the_dead, living_workers
from workflows.tests.builders import connected, expire_lease, give_to_another, row, swept, until
from workflows.tests.store.worker_rows import dead_worker, held_by, living_worker

pytestmark = pytest.mark.usefixtures("committed")


def test_an_extended_lease_holds() -> None:
    with living_worker() as worker_id, connected() as own:
        run = held_by(worker_id)
        expire_lease(run.id)
        held = [HeldRun(run.id, run.attempt)]
        extended = extend_leases(own, held, worker_id=worker_id, lease_seconds=60)

        assert extended == {run.id}

        assert swept() == []


def test_a_zombie_cannot_extend_the_lease_of_who_came_after() -> None:
    with connected() as own:
        zombie = held_by(None)
        give_to_another(zombie)
        before = row(zombie.id)["lease_until"]

        held = [HeldRun(zombie.id, zombie.attempt)]
        extended = extend_leases(own, held, worker_id=1, lease_seconds=600)

    assert extended == set()
    assert row(zombie.id)["lease_until"] == before


def test_workers_are_counted_while_they_live() -> None:
    with living_worker(), living_worker():
        together = living_workers()

    assert together == 2
    until(lambda: living_workers() == 0)


def test_rows_of_the_dead_are_forgotten_and_rows_of_the_living_kept() -> None:
    dead = dead_worker()

    with living_worker() as living, connected() as own:
        Worker.objects.update(started_at=Now() - timedelta(hours=1))
        forget_the_dead(own)
        left = set(Worker.objects.values_list("pk", flat=True))

    assert dead not in left
    assert living in left


def test_the_row_of_a_worker_that_has_just_begun_stays_though_its_lock_is_not_taken_yet() -> None:
    with connected() as own:
        beginner = Worker.objects.create(host="here", pid=1)

        assert forget_the_dead(own) == []

    assert Worker.objects.filter(pk=beginner.pk).exists()


def test_a_worker_that_lost_its_lock_by_a_restart_of_the_server_is_no_crash_of_its_run() -> None:
    worker_id = dead_worker()
    run = held_by(worker_id)
    Worker.objects.filter(pk=worker_id).update(started_at=Now() - timedelta(days=10_000))

    assert [state for _, _, state in swept(max_crashes=1)] == [RunState.PENDING]

    assert row(run.id)["crashes"] == 0
