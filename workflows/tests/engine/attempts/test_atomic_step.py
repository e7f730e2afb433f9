"""An atomic step: its writes and its record are one commit, exactly once."""

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import transaction

from workflows import signals
from workflows.api import (
    Context,
    RetryPolicy,
    RunState,
    get_run,
    list_runs,
    send_event,
    start,
    step,
    workflow,
)
from workflows.engine.drive.drive import drive
from workflows.testing import drive_until_idle
from workflows.tests.builders import (
    PATIENCE_SECONDS,
    driven,
    elsewhere,
    give_to_another,
    kinds,
    started_and_claimed,
)
from workflows.tests.flows import ONCE, greet, notes

pytestmark = pytest.mark.usefixtures("committed")

_in_step: list[Any] = []
"""What the step below does after its write; the tests set it."""


@step(atomic=True, retry=RetryPolicy(attempts=2, first_delay_seconds=0))
def add_group() -> str:
    notes.note("tried")
    group = Group.objects.create(name=f"group {Group.objects.count()}")
    for act in _in_step:
        act()
    return group.name


@step(retry=ONCE)
def add_group_plainly() -> str:
    group = Group.objects.create(name=f"group {Group.objects.count()}")
    for act in _in_step:
        act()
    return group.name


@workflow("tests.add_group")
def adding(run: Context, atomic: bool) -> list[str]:
    return [run.step(add_group if atomic else add_group_plainly), run.step(greet, "Bob")]


def with_act(*acts: Any) -> None:
    _in_step[:] = acts


def fail() -> None:
    raise ValueError("after the write")


def group_names() -> list[str]:
    return elsewhere(lambda: list(Group.objects.values_list("name", flat=True))).result(
        PATIENCE_SECONDS
    )


def test_the_write_and_the_record_are_committed_together() -> None:
    with_act()

    run = driven(adding, atomic=True)

    assert run.output == ["group 0", "Hello, Bob"]
    assert group_names() == ["group 0"]


def test_a_failure_after_the_write_leaves_neither() -> None:
    with_act(fail)

    run = driven(adding, atomic=True)

    assert run.state == RunState.FAILED
    assert group_names() == []
    assert kinds(run.id) == ["attempt_failed", "step_failed", "run_failed"]


def test_a_failure_after_the_write_of_a_plain_step_leaves_the_write() -> None:
    with_act(fail)

    driven(adding, atomic=False)

    assert group_names() == ["group 0"]


def test_a_result_that_cannot_be_kept_takes_the_write_with_it() -> None:
    with_act()

    @step(atomic=True)
    def add_and_return_nonsense() -> object:
        Group.objects.create(name="lost")
        return object()

    @workflow("tests.nonsense")
    def nonsense(run: Context) -> None:
        run.step(add_and_return_nonsense)

    run = driven(nonsense)

    assert run.state == RunState.FAILED
    assert group_names() == []


def test_a_worker_that_lost_its_run_during_the_step_leaves_no_write() -> None:
    with_act()
    zombie = started_and_claimed(adding, atomic=True)
    with_act(lambda: elsewhere(lambda: give_to_another(zombie)).result(PATIENCE_SECONDS))

    drive(zombie)

    assert group_names() == []
    assert kinds(zombie.id) == []
    assert (get_run(zombie.id).state, get_run(zombie.id).attempt) == (RunState.RUNNING, 2)


def test_a_worker_that_lost_its_run_during_a_plain_step_writes_no_record() -> None:
    with_act()
    zombie = started_and_claimed(adding, atomic=False)
    with_act(lambda: elsewhere(lambda: give_to_another(zombie)).result(PATIENCE_SECONDS))

    drive(zombie)

    assert kinds(zombie.id) == []
    assert notes.done == []


def test_an_on_commit_hook_that_fails_undoes_nothing_and_is_told() -> None:
    told: list[Any] = []

    def listen(**facts: Any) -> None:
        told.append(facts)

    signals.hook_failed.connect(listen)
    with_act(lambda: transaction.on_commit(fail))

    run = driven(adding, atomic=True)

    signals.hook_failed.disconnect(listen)
    assert run.output == ["group 0", "Hello, Bob"]
    assert group_names() == ["group 0"]
    assert notes.count("tried") == 1
    [facts] = told
    assert (facts["run_id"], facts["step"], str(facts["error"])) == (
        run.id,
        "add_group",
        "after the write",
    )


def test_on_commit_hooks_run_after_the_record_is_there() -> None:
    seen: list[list[str]] = []
    with_act()
    view = start(adding, atomic=True)
    look = lambda: seen.append(  # noqa: E731
        elsewhere(lambda: [str(kind) for kind in kinds(view.id)]).result(PATIENCE_SECONDS)
    )
    with_act(lambda: transaction.on_commit(look))

    drive_until_idle()

    assert seen == [["step_completed"]]


def test_the_run_is_not_locked_while_the_step_works() -> None:
    events: list[Any] = []
    with_act()
    view = start(adding, atomic=True)
    with_act(lambda: events.append(elsewhere(lambda: send_to(view.id)).result(PATIENCE_SECONDS)))

    drive_until_idle()

    assert events == ["sent"]


def send_to(run_id: Any) -> str:
    send_event(run_id, "go")
    return "sent"


def test_a_run_started_by_an_atomic_step_is_there_only_if_the_step_is() -> None:
    with_act(lambda: start(adding_nothing, key="child"), fail)

    driven(adding, atomic=True)
    without = elsewhere(lambda: started_children()).result(PATIENCE_SECONDS)
    with_act(lambda: start(adding_nothing, key="child"))
    driven(adding, atomic=True)

    assert without == 0
    assert started_children() == 1


@workflow("tests.adding_nothing")
def adding_nothing(run: Context) -> None: ...


def started_children() -> int:
    return len(list_runs(workflow="tests.adding_nothing"))
