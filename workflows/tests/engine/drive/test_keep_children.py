"""continue_as_new(keep_children=True): open children go along, and their ends reach the run that goes on."""

from typing import Any
from unittest import mock
from uuid import UUID

import pytest

from workflows.api import (
    ChildFailed,
    Context,
    ForkRefused,
    HistoryKind,
    Permanent,
    RunState,
    cancel,
    fork,
    get_run,
    list_runs,
    pause,
    resume,
    retry_now,
    send_event,
    start,
    step,
    workflow,
)
from workflows.definitions import workflow as registry
from workflows.engine.history_export import export_history
from workflows.models import Run
from workflows.store import continue_as_new as store
from workflows.testing import crash_everywhere, drive_until_idle, replay_history, send
from workflows.tests.builders import driven, kinds
from workflows.tests.cluster.lab import rows
from workflows.tests.crash.invariants import BREACHES
from workflows.tests.flows import notes
from workflows.tests.registering import own_workflows

pytestmark = pytest.mark.django_db


def undo(output: int, number: int) -> None:
    notes.note(f"undone {number}")


@step(compensate=undo)
def count(number: int) -> int:
    notes.note(f"counted {number}")
    return number


@workflow("keeps.child", on_cancel="compensate")
def child(run: Context, number: int, hops: int = 0) -> int:
    run.step(count, number)
    if run.wait_event("go") == "fail":
        raise Permanent("as told")
    if hops:
        run.continue_as_new(number=number, hops=hops - 1)
    return number


@workflow("keeps.parent")
def parent(run: Context, rounds: int = 2, seen: list[Any] | None = None, hops: int = 0) -> Any:
    """Each round starts a child; the last waits for all of them."""
    run.data["children"] = [str(each.id) for each in run.children()]
    if rounds:
        run.start_child(child, number=rounds, hops=hops)
        run.wait_event("next")
        run.continue_as_new(rounds=rounds - 1, hops=hops, keep_children=True)
    results: list[Any] = []
    for each in run.children():
        try:
            results.append(each.result())
        except ChildFailed as failed:
            results.append(failed.cause)
    return results


@workflow("keeps.leaves_them")
def leaves_them(run: Context, number: int = 0) -> int:
    if number == 0:
        run.start_child(child, number=1)
        run.continue_as_new(number=1, keep_children=True)
    if number == 1:
        run.wait_event("fail")
        raise Permanent("the parent fails")
    return number


@workflow("keeps.parameter")
def has_the_parameter(run: Context, keep_children: int = 0) -> int:
    if keep_children == 0:
        run.continue_as_new(keep_children=1)
    return keep_children


@workflow("keeps.none")
def has_none(run: Context, number: int) -> int:
    if number == 0:
        run.continue_as_new(number=1, keep_children=True)
    return number


def newest(run: Any) -> Any:
    return get_run(run.id, newest=True)


def children() -> list[UUID]:
    """Return the children that go on, in the order of their start."""
    found = list_runs(workflow=child, state=["waiting", "pending", "paused"])
    return [each.id for each in sorted(found, key=lambda each: -each.input["number"])]


def with_two(**given: Any) -> Any:
    """Return a chain whose third run has a child of the first and one of the second."""
    run = driven(parent, **given)
    for _ in range(2):
        send(run.id, "next")
    return run


def test_the_ends_of_children_reach_the_run_that_goes_on() -> None:
    run = with_two()
    first, second = children()

    send(first, "go")
    send(second, "go")

    assert newest(run).output == [2, 1]
    assert newest(run).data == {"children": [str(first), str(second)]}
    assert {get_run(each).parent_id for each in (first, second)} == {newest(run).id}
    assert HistoryKind.CHILDREN_KEPT in kinds(newest(run).id)


@pytest.mark.parametrize("hops", [0, 1])
def test_each_child_has_its_line_in_the_chain(hops: int) -> None:
    """As the tests that kill ask of the tables."""
    run = with_two(hops=hops)
    [asked] = [sql for said, sql in BREACHES.items() if "a child without its line" in said]

    assert rows(asked.replace("%", "%%")) == []
    for _ in range(hops + 1):
        for each in children():
            send(each, "go")

    assert newest(run).state == RunState.COMPLETED
    assert rows(asked.replace("%", "%%")) == []


def test_a_child_that_ends_between_two_runs_is_heard_by_the_next() -> None:
    run = driven(parent)
    [first] = children()
    send(first, "go")

    for _ in range(2):
        send(run.id, "next")
    [second] = children()
    send(second, "go", "fail")

    assert newest(run).state == RunState.COMPLETED, newest(run)
    assert newest(run).output == [2, "workflows.core.errors.Permanent: as told"]


def test_a_child_that_goes_on_itself_is_the_same_child() -> None:
    run = with_two(hops=1)

    for each in children():
        send(each, "go")
        send(each, "go")

    assert newest(run).output == [2, 1]


def test_the_code_waits_for_them_at_its_end() -> None:
    run = driven(leaves_them)

    assert newest(run).state == RunState.WAITING
    assert newest(run).id != run.id


def test_a_cancel_of_the_chain_reaches_them_and_they_undo_their_steps() -> None:
    run = with_two()

    cancel(run.id)
    drive_until_idle()

    states = {each.state for each in list_runs(workflow=child)}
    assert states == {RunState.COMPENSATED}
    assert newest(run).state == RunState.CANCELLED
    assert sorted(notes.done[2:]) == ["undone 1", "undone 2"]


def test_they_end_with_a_run_that_fails() -> None:
    run = driven(leaves_them)

    send(run.id, "fail")
    drive_until_idle()

    assert newest(run).state == RunState.FAILED
    assert notes.done == ["counted 1", "undone 1"]


def test_pause_and_resume_reach_them() -> None:
    run = with_two()
    both = children()

    pause(run.id)
    paused = {get_run(each).state for each in both}
    resume(run.id)

    assert paused == {RunState.PAUSED}
    assert {get_run(each).state for each in both} == {RunState.WAITING}


def test_its_history_is_replayed_and_a_fork_is_refused_while_they_go_on() -> None:
    run = with_two()
    goes_on = newest(run).id

    replay_history(export_history(goes_on))

    with pytest.raises(ForkRefused, match="from the one before it in its chain"):
        fork(goes_on, at=1)


def test_without_the_code_of_a_child_the_run_is_blocked_until_it_is_there() -> None:
    run = with_two()
    first, second = children()
    with own_workflows():
        registry._workflows.pop(("keeps.child", 1))
        send(run.id, "go")  # nothing waits for it: the next drive is the operator's
        retry_now(run.id)
        drive_until_idle()
        assert newest(run).state == RunState.BLOCKED
        assert "keeps.child" in newest(run).error["message"]

    retry_now(run.id)
    drive_until_idle()
    send(first, "go")
    send(second, "go")

    assert newest(run).output == [2, 1]


def test_a_workflow_may_have_a_parameter_of_that_name() -> None:
    assert newest(driven(has_the_parameter)).output == 1


def test_without_children_that_go_on_there_is_one_statement_as_ever() -> None:
    with mock.patch.object(store, "_lock_children", side_effect=AssertionError):
        assert newest(driven(has_none, number=0)).output == 1


def test_a_child_that_goes_on_at_the_last_moment_goes_along() -> None:
    """While its lock is waited for."""
    run = driven(parent, rounds=1, hops=1)
    [first] = children()
    real, looked = store._lock_children, []

    def lock_children(*args: Any) -> Any:
        looked.append(real(*args))
        return None if len(looked) == 1 else looked[-1]

    with mock.patch.object(store, "_lock_children", lock_children):
        send(run.id, "next")
    send(first, "go")
    send(first, "go")

    assert len(looked) == 2
    assert newest(run).output == [1]


def test_killed_anywhere_their_ends_reach_the_run_that_goes_on() -> None:
    def play() -> None:
        run = start(parent)
        send_event(run.id, "next")
        send_event(run.id, "next")
        drive_until_idle()
        for each in children():
            send_event(each, "go")
        drive_until_idle()
        assert get_run(run.id, newest=True).output == [2, 1]

    crash_everywhere(play, at_least_once=lambda: notes.done)


def test_killed_anywhere_a_cancel_reaches_them() -> None:
    def play() -> None:
        run = start(parent)
        send_event(run.id, "next")
        drive_until_idle()
        cancel(run.id)
        drive_until_idle()
        assert not Run.objects.filter(state__in=["waiting", "pending", "running"]).exists()

    crash_everywhere(play, at_least_once=lambda: notes.done)
