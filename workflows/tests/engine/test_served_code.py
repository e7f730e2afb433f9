"""Pools: runs are driven where theirs is served, and those of a pool that nobody serves say so."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from django.test import override_settings

from workflows.api import DefinitionError, RunState, get_run, named_pool, start, workflow
from workflows.checks import check_conf
from workflows.core.pool import DEFAULT_POOL
from workflows.engine.served_code import code_here, serve
from workflows.models import Run
from workflows.store.queue import look_ahead
from workflows.store.workers import enlist
from workflows.testing import crash_everywhere, drive_until_idle
from workflows.tests.builders import connected, driven
from workflows.tests.engine.workers import work
from workflows.tests.flows import GPU, greet_once, on_a_card, with_a_card


@pytest.fixture(autouse=True)
def served_as_before() -> Iterator[None]:
    yield
    serve(None)


@pytest.mark.usefixtures("committed")
def test_a_cluster_that_is_told_nothing_leaves_other_pools_to_others() -> None:
    on_card, plain = start(on_a_card, name="Ann"), start(greet_once, name="Bob")

    work()

    assert get_run(on_card.id).state == RunState.PENDING
    assert get_run(plain.id).state == RunState.COMPLETED


@pytest.mark.usefixtures("committed")
def test_a_cluster_drives_the_pools_that_it_serves_and_counts_no_others() -> None:
    on_card, plain = start(on_a_card, name="Ann"), start(greet_once, name="Bob")

    serve([GPU])
    with connected() as own:
        due = look_ahead(own, limit=10, code=code_here())
    work()

    assert due.runs == 1
    assert get_run(on_card.id).state == RunState.COMPLETED
    assert get_run(plain.id).state == RunState.PENDING


@pytest.mark.usefixtures("committed")
def test_a_parent_and_its_child_go_each_to_their_own_pool() -> None:
    run = start(with_a_card, name="Ann")

    work()
    serve([GPU])
    work()
    waiting = get_run(run.id).state
    serve(None)
    work()

    assert waiting == RunState.WAITING
    assert get_run(run.id).state == RunState.COMPLETED


@pytest.mark.usefixtures("committed")
def test_the_setting_says_which_are_served_unless_the_command_does() -> None:
    with override_settings(WORKFLOWS={"pools": [GPU, DEFAULT_POOL]}):
        both = code_here().names
        serve([DEFAULT_POOL])
        one = code_here().names

    assert {"tests.on_a_card", "tests.greet"} <= set(both)
    assert "tests.on_a_card" not in one


@pytest.mark.usefixtures("committed")
def test_a_run_of_a_pool_that_no_living_worker_serves_says_so() -> None:
    run = start(on_a_card, name="Ann")
    Run.objects.update(wake_at=Now() - timedelta(minutes=1))

    with connected() as own:
        enlist(own, host="here", pid=1, code=code_here())
        unserved = get_run(run.id).code_missing
    serve([GPU])
    with connected() as own:
        enlist(own, host="here", pid=1, code=code_here())
        served = get_run(run.id).code_missing

    assert (unserved, served) == (True, False)
    assert named_pool("tests.on_a_card", 1) == GPU
    assert named_pool("tests.greet", 1) is None


@pytest.mark.django_db
def test_the_kit_drives_all_pools() -> None:
    run = start(on_a_card, name="Ann")

    drive_until_idle()

    assert get_run(run.id).state == RunState.COMPLETED


@pytest.mark.django_db
def test_killed_anywhere_a_parent_and_its_child_of_a_pool_end_the_same() -> None:
    assert crash_everywhere(lambda: driven(with_a_card, name="Ann")).boundaries > 3


@pytest.mark.parametrize("pool", ["", None, 7])
def test_a_pool_has_a_name(pool: Any) -> None:
    with pytest.raises(DefinitionError, match="pool is "):
        workflow("tests.named", pool=pool)


@pytest.mark.parametrize("pools", ["gpu", [], [""], 7])
def test_the_setting_is_a_list_of_names(pools: Any) -> None:
    with override_settings(WORKFLOWS={"pools": pools}):
        [error] = check_conf()

    assert error.msg.startswith("WORKFLOWS['pools']: ")
