"""Who waits for a run is told of its end and of its data, and of nothing else."""

import time

import pytest
from django.db import connection

from workflows.store.waiters import Waiter
from workflows.tests.builders import driven, run_sql
from workflows.tests.flows import wait_for_go

ENDED = "state = 'cancelled', finished_at = now()"
pytestmark = pytest.mark.usefixtures("committed")


def test_he_is_told_when_the_run_ends_or_its_data_changes() -> None:
    run, other = driven(wait_for_go), driven(wait_for_go)
    with Waiter(run.id) as waiter:
        for change in ["data = '{\"a\": 1}'", ENDED]:
            run_sql(f"UPDATE workflows_run SET {change} WHERE id = '{run.id}'")
            began = time.monotonic()
            waiter.wait(60)
            assert time.monotonic() - began < 30
        run_sql(f"UPDATE workflows_run SET {ENDED} WHERE id = '{other.id}'")
        assert list(waiter._own.notifies(timeout=0.1)) == []
    assert waiter._own.closed


def test_a_run_that_is_not_committed_is_seen_by_nobody_else() -> None:
    with Waiter(driven(wait_for_go).id) as waiter:
        assert (waiter.others_see_it, waiter.is_told) == (True, True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT gen_random_uuid()")
        [nobody] = cursor.fetchone()
    with Waiter(nobody) as waiter:
        assert not waiter.others_see_it
