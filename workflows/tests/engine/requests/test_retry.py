"""A failed run goes on from what failed, in the same row, under the same keys."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db.models.functions import Now

from workflows.api import (
    ChildFailed,
    Context,
    HistoryKind,
    InvalidInput,
    Permanent,
    RetryPolicy,
    RetryRefused,
    RunNotFound,
    RunState,
    RunView,
    StepFailed,
    StepState,
    cancel,
    compensate,
    current_step,
    get_history,
    get_run,
    list_runs,
    list_steps,
    replay_open_runs,
    retry,
    send_event,
    start,
    step,
    workflow,
)
from workflows.engine.drive.drive import drive
from workflows.models import Event, Run, Schedule
from workflows.store import events as events_store
from workflows.testing import advance, crash_everywhere, drive_until_idle
from workflows.tests.builders import claim, driven, kinds
from workflows.tests.flows import notes, wait_for_go

pytestmark = pytest.mark.django_db
TWICE = RetryPolicy(attempts=2, first_delay_seconds=0)
broken: set[str] = set()
code: dict[str, Callable[[Context], Any]] = {}


@pytest.fixture(autouse=True)
def all_is_broken() -> Iterator[None]:
    broken.update({"pay", "child"})
    yield
    broken.clear()
    code.clear()


@step(retry=TWICE)
def pay(what: str) -> str:
    info = current_step()
    assert info is not None
    notes.note(f"{what} {info.attempt} {info.idempotency_key}")
    if what in broken:
        raise ValueError(f"{what} is broken")
    return f"{what} paid"


def refund(output: str, what: str) -> None:
    if "refund" in broken:
        raise Permanent("closed")
    notes.note(f"refund {what}")


@step(compensate=refund)
def reserve(what: str) -> str:
    notes.note(f"reserve {what}")
    return what


@workflow("tests.retried_order")
def order(run: Context) -> list[str]:
    return [run.step(reserve, "room"), run.step(pay, "pay"), run.step(reserve, "car")]


@workflow("tests.retried_code")
def coded(run: Context) -> Any:
    return code["body"](run)


@workflow("tests.retried_late", deadline_seconds=60)
def late(run: Context) -> Any:
    return run.wait_event("go")


@workflow("tests.retried_saga", on_failure="compensate")
def saga(run: Context) -> None:
    run.step(reserve, "room")
    run.step(pay, "pay")


@workflow("tests.retried_child")
def child(run: Context, name: str) -> str:
    return run.step(pay, name)


@workflow("tests.retried_parent")
def parent(run: Context, names: list[str], limit: int | None = None) -> list[str]:
    run.step(reserve, "room")
    return run.map([run.child(child, name=each) for each in names], limit=limit)


@workflow("tests.retried_grandparent")
def grandparent(run: Context) -> list[str]:
    return run.start_child(parent, names=["child", "b"]).result()


def mend(*names: str) -> None:
    broken.difference_update(names)
    notes.done.clear()


def driven_again(run: RunView) -> RunView:
    drive_until_idle()
    return get_run(run.id)


def children_of(run: RunView) -> list[RunView]:
    return sorted(list_runs(parent=run.id), key=lambda each: str(each.input))


def test_it_goes_on_from_the_step_that_failed_and_does_nothing_else_again() -> None:
    run = driven(order)
    keys = [each.split()[-1] for each in notes.done if each.startswith("pay")]
    mend("pay")

    assert retry(run.id, by="alice", reason="the bank is back", via="test")
    again = driven_again(run)

    assert (run.state, again.state) == (RunState.FAILED, RunState.COMPLETED)
    assert again.output == ["room", "pay paid", "car"]
    assert (again.error, again.retries) == (None, 1)
    assert notes.done == [f"pay 1 {keys[0]}", "reserve car"]
    assert len(set(keys)) == 1


def test_history_keeps_the_failure_and_says_who_had_it_retried() -> None:
    run = driven(order)
    before = get_history(run.id)
    mend("pay")
    retry(run.id, by="alice", reason="the bank is back", via="test")
    driven_again(run)

    lines = get_history(run.id)

    assert lines[: len(before)] == before
    assert [line.kind for line in lines[len(before) :]] == [
        "retried",
        "step_completed",
        "step_completed",
        "run_completed",
    ]
    said = {"by": "alice", "reason": "the bank is back", "via": "test", "positions": [2]}
    assert lines[len(before)].data == said


def test_a_step_has_all_its_attempts_again_and_may_fail_again() -> None:
    run = driven(order)
    for times in (1, 2):
        notes.done.clear()
        retry(run.id)
        again = driven_again(run)

        assert (again.state, again.retries) == (RunState.FAILED, times)
        assert [each.split()[1] for each in notes.done] == ["1", "2"]
    mend("pay")
    retry(run.id)
    assert driven_again(run).state == RunState.COMPLETED


def test_the_steps_are_told_as_they_stand() -> None:
    run = driven(order)
    retry(run.id)

    assert [each.state for each in list_steps(run.id)] == [
        StepState.COMPLETED,
        StepState.PENDING,
        StepState.PENDING,
    ]
    assert replay_open_runs() == []


def test_code_that_failed_by_itself_is_called_again() -> None:
    def failing(run: Context) -> Any:
        run.step(reserve, "room")
        raise LookupError("not in this catalogue")

    code["body"] = failing
    run = driven(coded)
    retry(run.id)
    assert driven_again(run).state == RunState.FAILED

    code["body"] = lambda run: [run.step(reserve, "room"), run.step(reserve, "car")]
    retry(run.id)

    assert driven_again(run).output == ["room", "car"]
    assert notes.done == ["reserve room", "reserve car"]


def test_a_failure_that_the_code_caught_and_left_behind_stays() -> None:
    def body(run: Context) -> Any:
        try:
            run.step(pay, "child")
        except StepFailed:
            run.step(reserve, "umbrella")
        return run.step(pay, "pay")

    code["body"] = body
    run = driven(coded)
    mend("pay", "child")
    retry(run.id)

    assert driven_again(run).output == "pay paid"
    assert [each.split()[0] for each in notes.done] == ["pay"]


@pytest.mark.parametrize("on_error", ["stop", "continue"])
def test_of_a_group_only_what_failed_is_done_again(on_error: Any) -> None:
    def body(run: Context) -> Any:
        names = ["a", "pay", "b", "child"]
        found = run.gather(*[run.call(pay, each) for each in names], on_error=on_error)
        if any(isinstance(each, StepFailed) for each in found):
            raise ValueError("some failed")
        return list(found)

    code["body"] = body
    run = driven(coded)
    done_before = {each.split()[0] for each in notes.done}
    mend("pay", "child")
    retry(run.id)

    assert driven_again(run).output == ["a paid", "pay paid", "b paid", "child paid"]
    again = {each.split()[0] for each in notes.done}
    assert "a" in done_before
    assert "a" not in again
    assert "pay" in again


def test_once_compensation_has_begun_it_is_refused() -> None:
    broken.add("refund")
    undone_in_part, undone = driven(saga), driven(order)
    compensate(undone.id)
    drive_until_idle()

    for run in (undone_in_part, undone):
        assert get_run(run.id).state == RunState.FAILED
        with pytest.raises(RetryRefused, match="begun to undo"):
            retry(run.id)


def test_a_deadline_that_has_passed_needs_a_new_one() -> None:
    run = driven(late)
    advance(seconds=61)
    assert get_run(run.id).state == RunState.FAILED

    with pytest.raises(RetryRefused, match="deadline_seconds"):
        retry(run.id)
    assert get_run(run.id).state == RunState.FAILED
    assert retry(run.id, deadline_seconds=600)

    assert driven_again(run).state == RunState.WAITING
    send_event(run.id, "go", "now")
    assert driven_again(run).output == "now"


def test_a_deadline_that_is_none_is_refused() -> None:
    run = driven(order)
    for wrong in (float("nan"), float("inf"), 0, -5, "60"):
        with pytest.raises(InvalidInput, match="deadline_seconds"):
            retry(run.id, deadline_seconds=wrong)  # type: ignore[arg-type]


def test_nobody_can_retry_what_does_not_exist() -> None:
    with pytest.raises(RunNotFound):
        retry(uuid.uuid4())


def test_any_other_run_is_driven_now_where_that_helps() -> None:
    waiting_run, done = (
        driven(wait_for_go),
        Run.objects.create(workflow="tests.made", version=1, state=RunState.COMPLETED),
    )

    assert retry(waiting_run.id, by="alice")
    assert not retry(done.pk)
    assert kinds(waiting_run.id)[-1] == HistoryKind.WOKEN


def test_its_parent_hears_of_the_second_end_only() -> None:
    run = start(parent, names=["child"])
    drive_until_idle()
    # Its child failed, and so did it: begun anew with a parent that has not looked yet.
    first = children_of(run)[0]
    mend("child")
    broken.add("child")
    other = start(parent, names=["child"])
    drive(claim())
    drive(claim())
    waiting_child = children_of(get_run(other.id))[0]
    while get_run(waiting_child.id).state != RunState.FAILED:
        drive(claim())
    assert get_run(other.id).state == RunState.WAITING
    mend("child")

    assert retry(waiting_child.id)
    assert not Event.objects.filter(run=other.id).exists()

    assert driven_again(other).output == ["child paid"]
    with pytest.raises(RetryRefused, match=f"retry the parent, run {run.id}"):
        retry(first.id)


def test_a_parent_is_retried_with_its_failed_child() -> None:
    run = driven(parent, names=["child"])
    mend("child")

    retry(run.id, by="alice")
    again = driven_again(run)

    assert again.output == ["child paid"]
    assert [each.retries for each in children_of(run)] == [1]
    assert [each.split()[0] for each in notes.done] == ["child"]


@pytest.mark.parametrize("limit", [None, 1, 2])
def test_children_that_its_failure_has_cancelled_go_on_as_well(limit: int | None) -> None:
    def body(run: Context) -> Any:
        calls = [run.child(child, name=each) for each in ("a", "child", "b")]
        asked = run.start_child(wait_for_go)
        return [run.map(calls, limit=limit), asked.result()]

    code["body"] = body
    run = driven(coded)
    ended = {each.workflow: each.state for each in list_runs(parent=run.id)}
    assert ended["tests.wait"] == RunState.CANCELLED
    mend("child")

    retry(run.id)
    drive_until_idle()
    (asked,) = [each for each in list_runs(parent=run.id) if each.workflow == "tests.wait"]
    assert asked.state == RunState.WAITING
    send_event(asked.id, "go", "yes")

    assert driven_again(run).output == [["a paid", "child paid", "b paid"], "yes"]
    assert {each.split()[0] for each in notes.done} <= {"child", "b"}


def test_a_child_that_somebody_cancelled_stays_cancelled_and_its_end_is_heard_again() -> None:
    def body(run: Context) -> Any:
        asked = run.start_child(wait_for_go)
        try:
            return asked.result()
        except ChildFailed as failed:
            if code.get("mended"):
                return failed.state
            raise LookupError from failed

    code["body"] = body
    run = driven(coded)
    cancel(children_of(run)[0].id, by="bob")
    assert driven_again(run).state == RunState.FAILED
    code["mended"] = body

    retry(run.id)

    assert driven_again(run).output == "cancelled"


def test_the_deepest_failure_is_retried_from_the_top() -> None:
    run = driven(grandparent)
    assert run.state == RunState.FAILED
    mend("child")

    retry(run.id)

    assert driven_again(run).output == ["child paid", "b paid"]


def test_a_chain_is_retried_where_it_is_now() -> None:
    def body(run: Context) -> Any:
        if "again" not in code:
            code["again"] = body
            run.continue_as_new()
        return run.step(pay, "pay")

    code["body"] = body
    run = driven(coded)
    mend("pay")

    retry(run.id)
    drive_until_idle()

    newest = get_run(get_run(run.id).continued_as or run.id)
    assert (newest.output, newest.retries) == ("pay paid", 1)


def test_its_schedule_counts_it_as_open_again() -> None:
    run = driven(order)
    Run.objects.filter(pk=run.id).update(key="schedule:nightly:2026-01-01T00:00:00Z")
    schedule = Schedule.objects.create(
        name="nightly", workflow="tests.retried_order", every_seconds=60, done_until=Now()
    )

    retry(run.id)

    schedule.refresh_from_db()
    assert schedule.open_runs == [run.id]


def test_news_that_is_withdrawn_while_the_parent_reads_it_is_no_loss() -> None:
    consumed = events_store.consume
    run = start(parent, names=["child"])
    drive(claim())
    while not Event.objects.filter(run=run.id, position=None).exists():
        drive(claim())
    mend("child")
    held = claim()
    assert held.id == run.id
    failed = children_of(run)[0]

    def retried_first(*args: Any, **kwargs: Any) -> Any:
        if get_run(failed.id).state == RunState.FAILED:
            assert retry(failed.id)
        return consumed(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(events_store, "consume", retried_first)
        drive(held)

    assert driven_again(run).output == ["child paid"]
    assert get_run(run.id).crashes == 0


@step(retry=RetryPolicy(attempts=1))
def unlucky(key: str) -> None:
    notes.note(f"unlucky {key}")
    if "mended" not in code:
        raise Permanent("not today")


@workflow("tests.retried_everywhere")
def everywhere(run: Context) -> str:
    run.step(reserve, "room")
    run.start_child(unlucky_child).result()
    return run.step(reserve, "car")


@workflow("tests.retried_everywhere_child")
def unlucky_child(run: Context) -> None:
    run.step(reserve, "bed")
    run.step(unlucky, run.idempotency_key)


def test_killed_anywhere_a_retried_family_ends_the_same() -> None:
    def play() -> None:
        code.clear()
        notes.done.clear()
        run = start(everywhere)
        drive_until_idle()
        code["mended"] = wait_for_go
        retry(run.id, by="alice")

    crash_everywhere(play, at_least_once=lambda: notes.done)
