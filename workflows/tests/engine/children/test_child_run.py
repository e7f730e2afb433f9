"""Children: started once, waited for without holding anything, ended before their parents."""

from datetime import UTC, datetime
from typing import Any
from unittest import mock
from uuid import UUID

import pytest
from django.db import transaction

from workflows.api import (
    ChildFailed,
    Context,
    InvalidInput,
    RunState,
    RunView,
    Workflow,
    cancel,
    get_history,
    get_run,
    list_runs,
    retry_now,
    send_event,
    start,
    step,
    workflow,
)
from workflows.definitions.workflow_guard import lifted
from workflows.engine.drive.drive import drive
from workflows.models import Event, Run
from workflows.testing import advance, crash_everywhere, drive_until_idle, send
from workflows.tests.builders import (
    PATIENCE_SECONDS,
    claim,
    connected,
    counted_statements,
    driven,
    elsewhere,
    row,
    somebody_waits_for_a_lock,
    started_and_claimed,
    until,
)
from workflows.tests.engine.families import (
    double,
    doubling,
    grandparent,
    parent_that_fails,
    parent_that_waits,
    waiting_child,
)
from workflows.tests.flows import notes, wait_for_go
from workflows.tests.store.family_rows import child_of

pytestmark = pytest.mark.django_db
WORDS = {"word": "short"}
LOCK_ROW = "SELECT FROM workflows_run WHERE id = %s FOR NO KEY UPDATE"


@step
def cancel_now(run_id: UUID) -> None:
    cancel(run_id)


@workflow("tests.undone_child", on_cancel="compensate")
def undone_child(run: Context) -> None:
    run.wait_event("go")


@workflow("tests.parent_of_one")
def parent_of_one(run: Context, number: int = 4) -> list[object]:
    child = run.start_child(doubling, number=number)
    try:
        return [child.result(), child.result()]
    except ChildFailed as failed:
        return [failed.workflow, failed.state, failed.error_type.rsplit(".")[-1], failed.message]


@workflow("tests.own_priority")
def own_priority(run: Context, priority: str) -> str:
    return priority


@workflow("tests.parent_with_priorities")
def parent_with_priorities(run: Context, first: Any = 9) -> None:
    run.start_child(doubling, number=1, priority=first)
    run.start_child.using(priority=-1)(doubling, number=2)
    run.start_child(doubling, number=3)
    run.start_child(own_priority, priority="air mail")
    run.map([run.child(doubling, number=4), run.child(doubling, number=5)], priority=5)


@workflow("tests.parent_that_forgets")
def parent_that_forgets(run: Context, detached: bool) -> str:
    run.start_child(waiting_child, detached=detached)
    return "done"


@workflow("tests.parent_of_undone")
def parent_of_undone(run: Context) -> None:
    run.start_child(undone_child).result()


@workflow("tests.parent_cancelled_by_itself")
def parent_cancelled_by_itself(run: Context) -> None:
    run.start_child(waiting_child)
    run.step(cancel_now, run.run_id)
    run.start_child(waiting_child)


@workflow("tests.parent_of_a_wrong_child")
def parent_of_a_wrong_child(run: Context) -> str:
    try:
        run.start_child(doubling, nummer=1)  # type: ignore[call-overload]
    except InvalidInput as exc:
        refused = str(exc)
    run.step(double, 1)
    return refused


@workflow("tests.moment", version=1)
def moment_before(run: Context) -> str:
    return "an old child"


@workflow("tests.moment", version=2)
def moment(run: Context) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC)


@workflow("tests.parent_of_a_moment")
def parent_of_a_moment(run: Context) -> str:
    run.data["stage"] = "begun"
    child = run.start_child(moment)
    run.step(double, 1)
    return child.result().strftime("%d %B")


@workflow("tests.parent_that_mistakes_a_wait_for_a_failure")
def parent_that_mistakes_a_wait(run: Context) -> int:
    child = run.start_child(waiting_child)
    try:
        return int(child.result())
    except BaseException as exc:
        raise ValueError("it did not answer") from exc


@workflow("tests.parent_with_a_detached_child")
def parent_with_a_detached_child(run: Context) -> None:
    run.start_child(waiting_child, detached=True)
    run.wait_event("go")


@workflow("tests.parent_that_makes_no_sense")
def parent_that_makes_no_sense(run: Context) -> None:
    run.start_child(waiting_child)
    run.sleep(float("nan"))


@workflow("tests.parent_of_undone_that_fails")
def parent_of_undone_that_fails(run: Context) -> None:
    run.start_child(undone_child)
    run.step(double, 13)


@workflow("tests.parent_cancelled_meanwhile")
def parent_cancelled_meanwhile(run: Context) -> None:
    lifted(cancel)(run.run_id)  # as somebody else does
    run.start_child(waiting_child)


@workflow("tests.talker")
def talker(run: Context, word: str) -> None: ...


@workflow("tests.parent_of_a_talker")
def parent_of_a_talker(run: Context) -> str:
    try:
        run.start_child(talker, word=WORDS["word"])
    except InvalidInput as refused:
        return str(refused)
    return "taken"


def children_of(run_id: UUID) -> list[RunView]:
    """Return the run's children, oldest first."""
    return list_runs(parent=run_id)[::-1]


def only_child(run_id: UUID) -> RunView:
    [child] = children_of(run_id)
    return child


def test_a_parent_gets_what_its_child_returns() -> None:
    run = driven(parent_of_one)

    assert run.output == [8, 8]
    assert only_child(run.id).parent_id == run.id
    assert notes.done == ["double 4"]


def test_a_child_is_as_urgent_as_its_parent() -> None:
    run = start(parent_of_one)
    Run.objects.filter(pk=run.id).update(priority=3)

    drive_until_idle()

    assert only_child(run.id).priority == 3


def test_a_child_has_its_parents_tenant() -> None:
    run = start(parent_of_one, tenant="ann")

    drive_until_idle()

    assert only_child(run.id).tenant == "ann"


def test_a_parent_may_give_its_children_another_priority() -> None:
    run = start(parent_with_priorities, priority=3)

    drive_until_idle()

    assert get_run(run.id).state == RunState.COMPLETED
    children = Run.objects.filter(parent=run.id).order_by("parent_position")
    assert [child.priority for child in children] == [9, -1, 3, 3, 5, 5]


@pytest.mark.parametrize("priority", [10, "high"])
def test_a_childs_priority_that_there_is_not_blocks_its_parent(priority: Any) -> None:
    run = driven(parent_with_priorities, first=priority)

    assert run.state == RunState.BLOCKED
    assert "give a whole number from -9 to 9" in str(run.error)


def test_a_childs_failure_arrives_with_its_cause() -> None:
    run = driven(parent_of_one, number=13)

    assert run.output[:3] == ["tests.doubling", "failed", "StepFailed"]
    assert "unlucky" in run.output[3]


@workflow("tests.parent_that_asks_why")
def parent_that_asks_why(run: Context) -> list[object]:
    try:
        run.start_child(doubling, number=13).result()
    except ChildFailed as failed:
        cause = failed.__cause__
        return [failed.cause, str(cause), "Traceback" in cause.__notes__[0] if cause else None]
    return []


def test_the_cause_of_a_childs_failure_is_that_of_the_exception_too() -> None:
    run = driven(parent_that_asks_why)

    told = only_child(run.id).error or {}
    cause = f"{told['type']}: {told['message']}"
    assert run.output == [cause, cause, True]


def test_a_waiting_parent_holds_nothing() -> None:
    run = driven(parent_that_waits)

    assert run.state == RunState.WAITING
    assert (row(run.id)["worker_id"], row(run.id)["lease_until"]) == (None, None)


def test_a_child_that_ends_before_the_parent_waits_is_not_missed() -> None:
    run = start(parent_that_looks_late)
    drive_until_idle()

    send(run.id, "look")

    assert get_run(run.id).output == 8


@workflow("tests.parent_that_looks_late")
def parent_that_looks_late(run: Context) -> int:
    child = run.start_child(doubling, number=4)
    run.wait_event("look")
    return int(child.result())


def test_a_parent_may_stop_waiting_and_wait_again() -> None:
    run = driven(parent_that_waits)

    advance(seconds=61)
    late = get_run(run.id)
    send(only_child(run.id), "go", 5)

    assert (late.state, late.status) == (RunState.WAITING, "late")
    assert get_run(run.id).output == 105


def test_a_parent_ends_after_its_children() -> None:
    run = driven(parent_that_forgets, detached=False)
    before = get_run(run.id).state

    send(only_child(run.id), "go", 1)

    assert before == RunState.WAITING
    assert get_run(run.id).output == "done"


def test_a_detached_child_lives_on_its_own() -> None:
    run = driven(parent_that_forgets, detached=True)

    assert run.output == "done"
    assert only_child(run.id).state == RunState.WAITING
    assert not cancel(run.id)


def test_a_child_of_a_child_reports_up_to_the_top() -> None:
    run = driven(grandparent)

    send(only_child(only_child(run.id).id), "go", 3)

    assert get_run(run.id).output == 3


def test_a_cancel_reaches_children_and_theirs() -> None:
    run = driven(grandparent)
    child = only_child(run.id)

    assert cancel(run.id, by="alice")
    drive_until_idle()

    states = [get_run(each).state for each in (run.id, child.id, only_child(child.id).id)]
    assert states == [RunState.CANCELLED] * 3


def test_a_cancel_leaves_a_detached_child_alone() -> None:
    run = driven(parent_that_fails, detached=True)

    assert run.state == RunState.FAILED
    assert only_child(run.id).state == RunState.WAITING


def test_a_cancel_leaves_a_detached_child_of_a_run_that_still_goes_alone_too() -> None:
    run = driven(parent_with_a_detached_child)

    assert cancel(run.id)
    drive_until_idle()

    assert get_run(run.id).state == RunState.CANCELLED
    assert only_child(run.id).state == RunState.WAITING


def test_a_child_undoes_itself_when_its_parent_is_cancelled() -> None:
    run = driven(parent_of_undone)

    cancel(run.id)
    drive_until_idle()

    assert get_run(run.id).state == RunState.CANCELLED
    assert only_child(run.id).state == RunState.COMPENSATED


def test_a_parent_that_fails_ends_its_children_first() -> None:
    run = driven(parent_that_fails)

    assert run.state == RunState.FAILED
    assert run.error is not None
    assert run.error["message"] == "a mistake"
    child = only_child(run.id)
    assert child.state == RunState.CANCELLED
    assert child.finished_at is not None
    assert run.finished_at is not None
    assert child.finished_at <= run.finished_at


def test_a_run_being_cancelled_starts_no_more_children() -> None:
    run = driven(parent_cancelled_by_itself)

    assert run.state == RunState.CANCELLED
    assert only_child(run.id).state == RunState.CANCELLED


def test_a_run_cancelled_just_before_it_starts_a_child_ends_at_once_without_one() -> None:
    run = driven(parent_cancelled_meanwhile)

    assert run.state == RunState.CANCELLED
    assert children_of(run.id) == []


def test_a_child_is_of_the_version_named_and_its_result_of_the_type_it_says() -> None:
    assert driven(parent_of_a_moment).output == "01 January"


def test_the_start_of_a_child_stores_what_the_parent_keeps_at_no_statement_of_its_own() -> None:
    run = start(parent_of_a_moment)

    with counted_statements() as sent:
        drive(claim())

    assert get_run(run.id).data == {"stage": "begun"}
    assert len(sent) == 4  # claim, child, step, park


def test_an_error_in_place_of_a_wait_ends_nobody() -> None:
    run = driven(parent_that_mistakes_a_wait)
    before = get_run(run.id).state, only_child(run.id).state
    send(only_child(run.id), "go", 5)

    assert before == (RunState.WAITING, RunState.WAITING)
    assert get_run(run.id).output == 5


def test_a_parent_that_is_set_aside_keeps_its_children() -> None:
    run = driven(parent_that_makes_no_sense)

    assert (run.state, only_child(run.id).state) == (RunState.BLOCKED, RunState.WAITING)


def test_a_parent_that_fails_waits_until_its_children_have_undone_themselves() -> None:
    run = start(parent_of_undone_that_fails)

    drive(claim())
    before = get_run(run.id).state, only_child(run.id).state
    drive_until_idle()

    assert before == (RunState.WAITING, RunState.COMPENSATING)
    assert (get_run(run.id).state, only_child(run.id).state) == (
        RunState.FAILED,
        RunState.COMPENSATED,
    )


def test_a_parent_waits_for_its_children_at_its_end_as_long_as_it_takes() -> None:
    run = driven(parent_that_forgets, detached=False)

    advance(seconds=100 * 86_400)

    assert get_run(run.id).state == RunState.WAITING


def test_a_wrong_input_is_refused_before_a_position_is_taken() -> None:
    run = driven(parent_of_a_wrong_child)

    assert run.state == RunState.COMPLETED
    assert "number" in run.output
    assert children_of(run.id) == []


def test_the_end_of_a_child_reaches_a_blocked_parent_too() -> None:
    run = driven(parent_that_waits)
    Run.objects.filter(pk=run.id).update(state=RunState.RUNNING)
    Run.objects.filter(pk=run.id).update(state=RunState.BLOCKED, wake_at=None)
    send(only_child(run.id), "go", 5)

    retry_now(run.id)
    drive_until_idle()

    assert get_run(run.id).output == 5


def test_nobody_but_the_engine_may_tell_of_a_childs_end() -> None:
    run = driven(parent_that_waits)

    with pytest.raises(InvalidInput, match="engine's own"):
        send_event(run.id, f"child:{only_child(run.id).id}", {"state": "completed"})


@pytest.mark.usefixtures("committed")
def test_children_that_end_at_once_are_all_heard() -> None:
    run = start(two_waiting)
    drive_until_idle()
    first, second = (child.id for child in children_of(run.id))

    with transaction.atomic():
        cancel(first)
        other = elsewhere(lambda: cancel(second))
        until(somebody_waits_for_a_lock)  # both tell the same parent
    other.result(PATIENCE_SECONDS)
    drive_until_idle()

    assert Event.objects.filter(run_id=run.id).count() == 2
    assert get_run(run.id).output == ["cancelled", "cancelled"]


@workflow("tests.two_waiting")
def two_waiting(run: Context) -> list[str]:
    ends = []
    for child in [run.start_child(waiting_child), run.start_child(waiting_child)]:
        try:
            child.result()
        except ChildFailed as failed:
            ends.append(failed.state)
    return ends


@pytest.mark.usefixtures("committed")
def test_a_cancel_and_the_end_of_a_child_do_not_deadlock() -> None:
    run = start(two_waiting)
    drive_until_idle()
    _, second = sorted(child.id for child in children_of(run.id))

    with transaction.atomic():
        Run.objects.select_for_update(no_key=True).get(pk=second)  # as its end would, first
        everything = elsewhere(lambda: cancel(run.id))
        until(somebody_waits_for_a_lock)
        Run.objects.select_for_update(no_key=True).get(pk=run.id)  # and then its parent

    assert everything.result(PATIENCE_SECONDS)
    assert get_run(second).state == RunState.CANCELLED


@pytest.mark.usefixtures("committed")
def test_a_cancel_and_the_end_of_a_child_born_meanwhile_do_not_deadlock() -> None:
    parent = started_and_claimed(wait_for_go)
    first = child_of(parent)["id"]

    with connected() as ends_later, connected() as ends_sooner:
        ends_sooner.execute("BEGIN")
        ends_sooner.execute(LOCK_ROW, [first])
        everything = elsewhere(lambda: cancel(parent.id))
        until(somebody_waits_for_a_lock)
        late = child_of(parent, position=4)["id"]
        ends_later.execute("BEGIN")
        ends_later.execute(LOCK_ROW, [late])  # as its end would, first
        ends_sooner.execute("COMMIT")
        until(lambda: not is_free(parent.id) or somebody_waits_for_a_lock())
        ends_later.execute(LOCK_ROW, [parent.id])  # and then its parent
        ends_later.execute("COMMIT")

    assert everything.result(PATIENCE_SECONDS)
    assert {get_run(child).state for child in (first, late)} == {RunState.CANCELLED}


def is_free(run_id: UUID) -> bool:
    """Say whether nobody has locked the run."""
    free = Run.objects.select_for_update(skip_locked=True, no_key=True).filter(pk=run_id)
    with transaction.atomic():
        return free.exists()


@pytest.mark.parametrize("function", [parent_of_one, grandparent, parent_that_fails])
def test_killed_anywhere_parents_and_children_end_the_same(function: Workflow[[], Any]) -> None:
    def play() -> None:
        run = start(function)
        drive_until_idle()
        advance(seconds=61)
        for each in Run.objects.filter(workflow="tests.waiting_child", state="waiting"):
            send(each.pk, "go", 7)
        assert get_run(run.id).is_over

    crash_everywhere(play)


def test_killed_anywhere_a_family_keeps_its_tenant() -> None:
    def play() -> None:
        start(grandparent, tenant="ann")
        start(doubling, number=1, tenant="bob")
        drive_until_idle()

    def tenants() -> list[tuple[str, str]]:
        return sorted(Run.objects.values_list("workflow", "tenant"))

    crash_everywhere(play, observe=tenants)


def test_killed_anywhere_a_cancelled_family_is_cancelled() -> None:
    def play() -> None:
        run = start(grandparent)
        drive_until_idle()
        cancel(run.id)

    crash_everywhere(play)


@pytest.mark.parametrize("detached", [True, False])
def test_history_tells_of_the_child(detached: bool) -> None:
    run = driven(parent_that_forgets, detached=detached)

    started = get_history(run.id)[0]
    assert (started.kind, started.name) == ("child_started", "tests.waiting_child")
    assert started.data == {"run": str(only_child(run.id).id), "detached": detached}


@pytest.mark.parametrize("word", ["x" * 300_000, "a\x00b"])
def test_an_input_that_cannot_be_kept_is_told_to_the_code(word: str) -> None:
    with mock.patch.dict(WORDS, word=word):
        run = driven(parent_of_a_talker)

    assert "input of child 'tests.talker'" in run.output
    assert children_of(run.id) == []
