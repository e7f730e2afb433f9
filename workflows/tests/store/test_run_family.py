"""What came of a run."""

from uuid import uuid4

import pytest

from workflows.api import Context, list_runs, start, workflow
from workflows.store.run_family import run_family
from workflows.testing import drive_until_idle
from workflows.tests.builders import driven
from workflows.tests.flows import greet_once, wait_for_go

pytestmark = pytest.mark.django_db


@workflow("tests.family_of_runs")
def parent(run: Context, left: int) -> None:
    """A child that waits, then on as a new run."""
    run.start_child.using(detached=True)(wait_for_go, timeout_seconds=60.0)
    if left:
        run.continue_as_new(left=left - 1)
    run.sleep(3600)


def test_children_and_continued_runs_belong_to_it_and_others_do_not() -> None:
    first = driven(parent, left=1)
    start(greet_once, name="Ann")

    found = run_family(first.id)

    others = {run.id for run in list_runs(workflow="tests.greet")}
    assert {each.id for each in found} == {run.id for run in list_runs()} - others
    assert len(found) == 4


def test_it_says_when_each_is_due() -> None:
    run = start(parent, left=0)
    [now] = run_family(run.id)
    drive_until_idle()

    later = sorted(each.due_in_seconds or 0 for each in run_family(run.id))

    assert now.due_in_seconds is not None and now.due_in_seconds <= 0
    assert 50 < later[0] <= 60 and 3500 < later[1] <= 3600
    assert run_family(uuid4()) == []


def test_one_that_has_ended_is_never_due() -> None:
    assert [each.due_in_seconds for each in run_family(driven(greet_once, name="Ann").id)] == [None]
