"""The end of a failed try and the next one: both or neither, with what goes along."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from workflows.core.run import ClaimedRun
from workflows.core.states import RunState
from workflows.models import Event, History, Run
from workflows.store.fence import UNCHANGED
from workflows.store.next_try import begin_next_try, failed_tries
from workflows.tests.builders import give_to_another, new_run, row, started_and_claimed
from workflows.tests.flows import wait_for_go

pytestmark = pytest.mark.django_db
ERROR = '{"type": "OSError", "message": "one"}'


def again(run: ClaimedRun, *, events: int = 0, delay: float = 60) -> UUID | None:
    """Write the end of a try and the next one; return the id of that, or None."""
    successor = new_run("tests.wait", id=uuid4())
    begun = begin_next_try(
        run,
        successor,
        RunState.FAILED,
        before=RunState.RUNNING,
        error=ERROR,
        delay_seconds=delay,
        events=events,
        notes=UNCHANGED,
    )
    return successor.id if begun else None


def test_the_failed_try_names_the_next_which_is_due_after_the_delay() -> None:
    run = started_and_claimed(wait_for_go)
    following = again(run)
    assert following is not None

    ended, begun = row(run.id), row(following)
    assert (ended["state"], ended["continued_as"]) == ("failed", following)
    assert ended["error"]["message"] == "one"
    assert (begun["state"], begun["failed_tries"], begun["chain_id"]) == ("pending", 1, run.id)
    assert begun["wake_at"] - ended["finished_at"] >= timedelta(seconds=60)
    assert failed_tries(following) == 1
    assert [each.kind for each in History.objects.order_by("pk")] == ["run_failed", "continued"]


def test_a_zombie_and_who_has_not_heard_an_event_write_nothing() -> None:
    run = started_and_claimed(wait_for_go)
    assert again(run, events=1) is None
    give_to_another(run)

    assert again(run) is None
    assert Run.objects.count() == 1
    assert not History.objects.exists()


def test_a_run_that_is_to_pause_is_paused_before_its_next_try() -> None:
    run = started_and_claimed(wait_for_go)
    Run.objects.filter(pk=run.id).update(pausing=True)
    following = again(run)
    assert following is not None

    paused = row(following)
    assert (paused["state"], paused["wake_at"]) == ("paused", None)
    assert paused["due_at_resume"] is not None


def test_events_go_along_but_not_the_ends_of_children_and_answered_updates() -> None:
    run = started_and_claimed(wait_for_go)
    for name, position in [
        ("heard", 1),
        ("unheard", None),
        ("child:7", None),
        ("on_update:a", 2),
        ("on_update:b", None),
    ]:
        Event.objects.create(run_id=run.id, name=name, payload=1, position=position)
    following = again(run)
    assert following is not None

    gone = Event.objects.filter(run=following)
    assert set(gone.values_list("name", "position")) == {
        ("heard", None),
        ("unheard", None),
        ("on_update:b", None),
    }
    assert row(following)["events"] == 3
