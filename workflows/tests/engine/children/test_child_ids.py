"""Ids of children: those of every release, and the recorded one where a later release gives another."""

import json
import uuid

import pytest

from workflows.api import RunState, export_history, get_run, replay_history
from workflows.models import Run
from workflows.tests.builders import driven
from workflows.tests.old_runs import chain, tree

pytestmark = pytest.mark.django_db


def test_the_ids_of_children_are_what_every_release_calls_them() -> None:
    parent = driven(tree)

    children = dict(Run.objects.filter(parent=parent.id).values_list("parent_position", "id"))

    assert children == {each: uuid.uuid5(parent.id, f"child:{each}") for each in (1, 2)}


def test_a_parent_waits_for_the_child_that_is_recorded() -> None:
    parent = driven(tree)
    exported = export_history(parent.id)
    theirs = str(uuid.uuid5(parent.id, "child:1"))

    by_another_release = json.dumps(exported).replace(theirs, str(uuid.uuid4()))

    assert theirs in json.dumps(exported)
    assert replay_history(json.loads(by_another_release)) is None


def test_a_chain_keeps_to_the_time_of_its_first_run() -> None:
    first = driven(chain, hops=3)

    ids = [first.id, *Run.objects.filter(chain_id=first.id).values_list("id", flat=True)]

    assert {each.version for each in ids} == {7}
    assert len({each.int >> 80 for each in ids}) == 1
    assert get_run(first.id).state == RunState.COMPLETED
