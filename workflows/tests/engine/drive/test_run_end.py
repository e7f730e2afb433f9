"""What a drive announces: each end once, and nothing that it has not written."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from workflows.api import (
    Context,
    Permanent,
    RunState,
    cancel,
    get_run,
    list_runs,
    start,
    step,
    workflow,
)
from workflows.engine.drive.drive import drive
from workflows.models import Run
from workflows.testing import drive_until_idle
from workflows.tests.builders import claim, driven, give_to_another
from workflows.tests.flows import ONCE
from workflows.tests.listening import Heard, announced

pytestmark = pytest.mark.django_db
ENDS = ("run_finished", "run_blocked", "lease_lost")
CHILD = "tests.announced_child"
ADD = "add"


@pytest.fixture
def heard() -> Iterator[Heard]:
    """Collect what is announced about the ends of drives."""
    with announced(*ENDS) as found:
        yield found


def fail_to_undo(output: None) -> None:
    raise Permanent("glued")


@step(retry=ONCE, compensate=fail_to_undo)
def glue() -> None: ...


@step
def cancel_now(run_id: UUID) -> None:
    cancel(run_id)


@workflow("tests.ending", on_failure="compensate")
def ending(run: Context, how: str = "well") -> str:
    if how == "badly":
        raise Permanent("a mistake")
    if how == "undone":
        run.step(glue)
        raise Permanent("a mistake")
    if how == "cancelled":
        run.step(cancel_now, run.run_id)
    if how == "renewed":
        run.continue_as_new()
    if how == "blocked":
        run.sleep(float("nan"))
    return how


@workflow("tests.renewed", version=1)
def renewed(run: Context) -> None:
    run.continue_as_new()


@workflow("tests.renewed", version=2)
def renewed_since(run: Context) -> str:
    return "by newer code"


def short(heard: Heard) -> list[tuple[Any, ...]]:
    return [
        (name, said.get("state"), (said.get("error") or {}).get("message")) for name, said in heard
    ]


@pytest.mark.parametrize(
    ("how", "state", "error"),
    [
        ("well", RunState.COMPLETED, None),
        ("badly", RunState.FAILED, "a mistake"),
        ("undone", RunState.FAILED, "glued"),
        ("cancelled", RunState.CANCELLED, None),
    ],
)
def test_the_end_of_a_run_is_announced_once_with_its_error(
    heard: Heard, how: str, state: RunState, error: str | None
) -> None:
    run = driven(ending, how=how)

    [(name, said)] = heard
    assert (name, said["state"], said["run_id"]) == ("run_finished", state, run.id)
    assert said["workflow"] == "tests.ending"
    assert (said["error"] is None) is (error is None)
    assert error is None or error in said["error"]["message"]


def test_a_run_that_is_set_aside_is_announced_with_the_reason(heard: Heard) -> None:
    run = driven(ending, how="blocked")

    [(name, said)] = heard
    assert (name, said["run_id"]) == ("run_blocked", run.id)
    assert "nan is not a number of seconds" in said["error"]["message"]


def test_a_run_that_goes_on_as_a_new_one_is_announced_as_completed(heard: Heard) -> None:
    run = driven(renewed)

    assert short(heard) == [("run_finished", RunState.COMPLETED, None)] * 2
    assert heard[0][1]["run_id"] == run.id
    assert heard[1][1]["run_id"] == get_run(run.id).continued_as


@pytest.mark.parametrize("how", ["well", "badly", "blocked", "renewed"])
def test_a_drive_that_has_lost_its_run_announces_that_and_no_end(heard: Heard, how: str) -> None:
    start(ending, how=how)
    zombie = claim()
    give_to_another(zombie)

    drive(zombie)

    [(name, said)] = heard
    assert (name, said["run_id"], said["attempt"]) == ("lease_lost", zombie.id, 1)


def test_a_run_goes_on_with_the_newest_code_there_is() -> None:
    run = start(renewed)
    assert run.version == 1

    drive_until_idle()

    successor = get_run(run.id).continued_as
    assert successor is not None
    assert (get_run(successor).version, get_run(successor).output) == (2, "by newer code")


@step(retry=ONCE)
def add(one: int, other: int) -> int:
    return one + other


@workflow(CHILD)
def announced_child(run: Context) -> int:
    return run.step(add, 1, 2)


@workflow("tests.announced_parent")
def announced_parent(run: Context) -> int:
    child = run.start_child(announced_child)
    run.wait_event("go")
    return int(child.result())


@workflow("tests.announced_waiting")
def announced_waiting(run: Context) -> None:
    run.wait_event("never")


@workflow("tests.announced_family")
def announced_family(run: Context) -> None:
    run.start_child(announced_waiting)
    run.wait_event("never")


def test_a_cancel_announces_the_ends_of_the_run_and_of_its_children(heard: Heard) -> None:
    parent = driven(announced_family)
    [child] = list_runs(parent=parent.id)

    cancel(parent.id)

    assert short(heard) == [("run_finished", RunState.CANCELLED, None)] * 2
    assert [said["run_id"] for _, said in heard] == [child.id, parent.id]


def test_a_cancel_of_a_run_that_is_being_driven_leaves_the_announcement_to_its_drive(
    heard: Heard,
) -> None:
    run = start(ending)
    claimed = claim()

    cancel(run.id)
    before = list(heard)
    drive(claimed)

    assert before == []
    assert short(heard) == [("run_finished", RunState.CANCELLED, None)]


def test_a_cancelled_run_without_code_here_is_announced_as_ended(heard: Heard) -> None:
    run = start(ending)
    Run.objects.filter(pk=run.id).update(workflow="tests.unheard_of")
    claimed = claim()
    cancel(run.id)

    drive(claimed)

    assert short(heard) == [("run_finished", RunState.CANCELLED, None)]
