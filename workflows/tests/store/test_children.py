"""The rows of children: what they are given."""

import pytest
from django.utils import timezone

from workflows.api import start
from workflows.core.states import RunState
from workflows.models import History
from workflows.store.fence import Notes
from workflows.tests.builders import (
    claim,
    give_to_another,
    row,
    started_and_claimed,
)
from workflows.tests.flows import wait_for_go
from workflows.tests.store.family_rows import child_of


@pytest.mark.django_db
def test_a_child_is_due_at_once_and_knows_its_place() -> None:
    parent = started_and_claimed(wait_for_go)

    child = child_of(parent)

    assert child["state"] == RunState.PENDING
    assert child["wake_at"] <= timezone.now()
    assert (child["parent_id"], child["parent_position"]) == (parent.id, 3)
    assert child["input"] == {"timeout_seconds": 5}
    assert child["deadline"] is None


@pytest.mark.django_db
@pytest.mark.parametrize("detached", [True, False])
@pytest.mark.parametrize("undo_on_cancel", [True, False])
def test_a_child_keeps_how_it_was_started(detached: bool, undo_on_cancel: bool) -> None:
    parent = started_and_claimed(wait_for_go)

    child = child_of(parent, detached=detached, undo_on_cancel=undo_on_cancel, deadline_seconds=60)

    assert (child["detached"], child["undo_on_cancel"]) == (detached, undo_on_cancel)
    assert 0 < (child["deadline"] - timezone.now()).total_seconds() <= 60


@pytest.mark.django_db
def test_the_start_of_a_child_stores_the_parents_notes_and_names_the_attempt() -> None:
    start(wait_for_go)
    parent = give_to_another(claim())

    child_of(parent, notes=Notes(data='{"a": 1}', attributes='{"b": 2}'))

    stored, line = row(parent.id), History.objects.get(run_id=parent.id, position=3)
    assert (stored["data"], stored["attributes"]) == ({"a": 1}, {"b": 2})
    assert line.attempt == parent.attempt == 2
