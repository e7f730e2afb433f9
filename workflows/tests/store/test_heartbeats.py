"""What a run shows of itself while it is driven: only by its holder, and only while it goes."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from workflows.api import RunState, cancel, get_run
from workflows.core.run import ClaimedRun
from workflows.models import Run
from workflows.store.heartbeats import beat, show_progress
from workflows.tests.builders import expire_lease, give_to_another, row, started_and_claimed
from workflows.tests.flows import wait_for_go

pytestmark = pytest.mark.django_db


def show(run: ClaimedRun, details: str = '"half"') -> RunState | None:
    return beat(run_id=run.id, attempt=run.attempt, position=3, details=details, lease_seconds=60)


def test_a_heartbeat_shows_its_details_and_extends_the_lease() -> None:
    run = started_and_claimed(wait_for_go)
    expire_lease(run.id)

    assert show(run)

    shown: dict[str, Any] | None = get_run(run.id).heartbeat
    assert shown is not None
    assert (shown["position"], shown["details"]) == (3, "half")
    assert row(run.id)["lease_until"] > timezone.now() + timedelta(seconds=50)


def test_a_heartbeat_hears_that_the_run_is_cancelled() -> None:
    run = started_and_claimed(wait_for_go)
    assert show(run) == RunState.RUNNING

    cancel(run.id)

    assert show(run) == RunState.CANCELLING


def test_progress_takes_the_place_of_the_progress_before() -> None:
    run = started_and_claimed(wait_for_go)

    assert show_progress(run, '{"done": 1}')
    assert show_progress(run, '{"done": 2}')

    assert get_run(run.id).progress == {"done": 2}


def test_whoever_has_lost_the_run_shows_nothing() -> None:
    lost = started_and_claimed(wait_for_go)
    give_to_another(lost)

    assert not show(lost)
    assert not show_progress(lost, '{"done": 1}')

    after = get_run(lost.id)
    assert (after.heartbeat, after.progress) == (None, None)


def test_a_run_that_is_over_shows_nothing_more() -> None:
    run = started_and_claimed(wait_for_go)
    Run.objects.filter(pk=run.id).update(state="completed")

    assert not show(run)
    assert not show_progress(run, '{"done": 1}')
