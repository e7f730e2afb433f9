"""What the engine announces of beginnings and of steps: once for each, with what it is about."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db.models import F

from workflows.api import Context, send_event, start, step, workflow
from workflows.models import Run
from workflows.testing import drive_until_idle
from workflows.tests.builders import driven
from workflows.tests.listening import Heard, announced

pytestmark = pytest.mark.django_db
CHILD = "tests.heralded_child"


@step
def add(number: int) -> int:
    return number + 1


@workflow(CHILD)
def announced_child(run: Context) -> None: ...


@workflow("tests.heralded_parent")
def announced_parent(run: Context) -> None:
    run.step(add, 1)
    run.start_child(announced_child)
    run.wait_event("go")


@workflow("tests.heralded_loop", version=2)
def renewed(run: Context, left: int = 1) -> None:
    if left:
        run.continue_as_new(left=left - 1)


@pytest.fixture
def told() -> Iterator[Heard]:
    """Collect what is announced about beginnings, and about steps."""
    with announced("run_started", "run_claimed", "step_completed") as found:
        yield found


def test_a_start_is_announced_once_for_each_row(told: Heard) -> None:
    run = start(announced_child, key="one")
    start(announced_child, key="one")

    [(name, said)] = told
    assert (name, said["run_id"], said["workflow"]) == ("run_started", run.id, CHILD)
    assert (said["version"], said["key"]) == (1, "one")
    assert (said["parent_id"], said["continues"]) == (None, None)


def test_a_child_is_announced_with_its_parent_and_a_successor_with_what_it_continues(
    told: Heard,
) -> None:
    parent = driven(announced_parent)
    before = driven(renewed)

    started = [said for name, said in told if name == "run_started"]
    assert [said["workflow"] for said in started] == [
        "tests.heralded_parent",
        CHILD,
        "tests.heralded_loop",
        "tests.heralded_loop",
    ]
    assert started[1]["parent_id"] == parent.id
    assert (started[3]["continues"], started[3]["version"]) == (before.id, 2)


def test_a_drive_is_announced_with_its_attempt_and_how_late_it_comes(told: Heard) -> None:
    run = start(announced_child)
    Run.objects.filter(pk=run.id).update(wake_at=F("wake_at") - timedelta(seconds=90))

    drive_until_idle()

    [said] = [said for name, said in told if name == "run_claimed"]
    assert (said["run_id"], said["attempt"], said["worker_id"]) == (run.id, 1, None)
    assert 90 <= said["late_seconds"] < 120


def test_a_step_is_announced_with_its_seconds_and_not_again_at_a_replay(told: Heard) -> None:
    run = driven(announced_parent)
    send_event(run.id, "go")
    drive_until_idle()

    [said] = [said for name, said in told if name == "step_completed"]
    assert (said["step"], said["position"]) == ("add", 1)
    assert (said["attempt"], said["undo"]) == (1, False)
    assert 0 <= said["seconds"] < 5
