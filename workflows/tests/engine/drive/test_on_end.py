"""Steps that run when the run ends, however that comes: each once, whoever dies."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group

from workflows.api import (
    Context,
    DefinitionError,
    HistoryKind,
    Permanent,
    RetryRefused,
    RunState,
    StepState,
    action,
    cancel,
    compensate,
    current_step,
    get_run,
    list_steps,
    retry,
    start,
    step,
    workflow,
)
from workflows.testing import advance, assert_deterministic, crash_everywhere, drive_until_idle
from workflows.tests.builders import driven, kinds
from workflows.tests.flows import NOW, ONCE, notes

pytestmark = pytest.mark.django_db
hooks: dict[str, Callable[[], Any]] = {}


@pytest.fixture(autouse=True)
def no_hooks() -> None:
    hooks.clear()


@step(retry=NOW)
def release(what: str) -> None:
    hooks.get(what, str)()
    notes.note(f"release {what}")


def unbook(output: str, what: str) -> None:
    notes.note(f"undo {what}")


@step(retry=ONCE, compensate=unbook)
def book(what: str) -> str:
    notes.note(f"book {what}")
    hooks.get(f"book {what}", str)()
    return what


@workflow("tests.on_end")
def lending(run: Context, then: str = "return") -> str:
    run.on_end(release, "lock")
    run.step(book, "room")
    run.on_end(release, what="key")
    if then == "wait":
        run.wait_event("go")
    if then == "raise":
        raise Permanent("as told")
    return run.step(book, "end")


@workflow("tests.on_end.compensating", on_failure="compensate", on_cancel="compensate")
def undoing(run: Context, then: str = "raise") -> str:
    run.on_end(release, "lock")
    run.step(book, "room")
    run.on_end(release, "key")
    run.step(book, "car")
    if then == "wait":
        run.wait_event("go")
    raise Permanent("as told")


@workflow("tests.on_end.only", on_failure="compensate")
def nothing_to_undo(run: Context) -> None:
    run.on_end(release, "lock")
    raise Permanent("as told")


@workflow("tests.on_end.loop")
def looping(run: Context, left: int = 1) -> str:
    run.on_end(release, f"lock {left}")
    if left:
        run.continue_as_new(left=left - 1)
    return "done"


FORWARD = ["book room", "book end"]
CLEANED = ["release key", "release lock"]


def test_a_run_that_returns_cleans_up_first_the_last_said_first() -> None:
    run = driven(lending)

    assert (run.state, run.output) == (RunState.COMPLETED, "end")
    assert notes.done == FORWARD + CLEANED


def test_a_run_that_fails_cleans_up_and_keeps_its_error() -> None:
    run = driven(lending, then="raise")

    assert run.state == RunState.FAILED
    assert (run.error or {})["message"] == "as told"
    assert run.compensation_error is None
    assert notes.done == ["book room", *CLEANED]


def test_a_waiting_run_that_is_cancelled_cleans_up_undoes_nothing_and_is_cancelled() -> None:
    run = driven(lending, then="wait")
    cancel(run.id)
    drive_until_idle()

    assert get_run(run.id).state == RunState.CANCELLED
    assert notes.done == ["book room", *CLEANED]


def test_a_running_run_that_is_cancelled_cleans_up_and_is_cancelled() -> None:
    def cancel_itself() -> None:
        info = current_step()
        assert info is not None
        cancel(info.run_id)

    hooks["book room"] = cancel_itself
    run = driven(lending)

    assert run.state == RunState.CANCELLED
    assert notes.done == ["book room", "release lock"]


def test_a_run_that_never_began_has_nothing_to_clean_up() -> None:
    run = start(lending)
    cancel(run.id)

    assert get_run(run.id).state == RunState.CANCELLED


def test_a_deadline_does_not_keep_it_from_cleaning_up() -> None:
    run = start(lending, then="wait", deadline_seconds=60)
    advance(seconds=61)

    run = get_run(run.id)
    assert run.state == RunState.FAILED
    assert "deadline" in (run.error or {})["message"]
    assert notes.done == ["book room", *CLEANED]


@pytest.mark.parametrize("cancelled", [True, False])
def test_where_steps_are_undone_it_runs_at_its_place_among_them(cancelled: bool) -> None:
    run = driven(undoing, then="wait" if cancelled else "raise")
    if cancelled:
        cancel(run.id)
        drive_until_idle()

    assert get_run(run.id).state == RunState.COMPENSATED
    expected = ["undo car", "release key", "undo room", "release lock"]
    assert notes.done == ["book room", "book car", *expected]


def test_a_run_that_has_only_to_clean_up_is_not_undone_but_failed() -> None:
    run = driven(nothing_to_undo)

    assert run.state == RunState.FAILED
    assert notes.done == ["release lock"]


def test_each_run_of_a_chain_cleans_up_behind_itself() -> None:
    driven(looping)

    assert notes.done == ["release lock 1", "release lock 0"]


def fail(times: int) -> Callable[[], None]:
    left = [None] * times

    def once() -> None:
        if left:
            left.pop()
            raise ConnectionError("not yet")

    return once


@pytest.mark.parametrize("then", ["return", "raise"])
def test_a_failed_attempt_is_followed_by_another(then: str) -> None:
    hooks["key"] = fail(2)
    run = driven(lending, then=then)

    assert run.state == (RunState.COMPLETED if then == "return" else RunState.FAILED)
    assert notes.done[-2:] == CLEANED
    assert kinds(run.id).count(HistoryKind.COMPENSATION_ATTEMPT_FAILED) == 2


def test_one_that_fails_for_good_fails_the_run_and_keeps_no_other_from_running() -> None:
    hooks["key"] = fail(3)
    run = driven(lending)

    assert run.state == RunState.FAILED
    assert "release" in (run.error or {})["message"]
    assert notes.done == [*FORWARD, "release lock"]


def test_one_that_fails_for_good_stands_beside_the_error_of_the_run() -> None:
    hooks["key"] = fail(3)
    run = driven(lending, then="raise")

    assert (run.error or {})["message"] == "as told"
    assert "release" in (run.compensation_error or {})["message"]
    assert notes.done == ["book room", "release lock"]


def test_a_cancelled_run_that_could_not_clean_up_has_failed_and_goes_on_by_compensate() -> None:
    hooks["key"] = fail(3)
    run = driven(lending, then="wait")
    cancel(run.id)
    drive_until_idle()
    failed = get_run(run.id)

    assert failed.state == RunState.FAILED
    assert "release" in (failed.compensation_error or {})["message"]
    assert compensate(run.id)
    drive_until_idle()
    assert get_run(run.id).state == RunState.COMPENSATED
    assert notes.done == ["book room", "release lock", "release key", "undo room"]


def test_a_failed_run_that_has_cleaned_up_cannot_go_on() -> None:
    run = driven(lending, then="raise")

    with pytest.raises(RetryRefused, match="begun to undo"):
        retry(run.id)


def test_steps_are_told_with_what_runs_at_the_end() -> None:
    run = driven(lending, then="wait")
    before = [(each.name, each.state) for each in list_steps(run.id)]
    cancel(run.id)
    drive_until_idle()
    after = [(each.name, each.state) for each in list_steps(run.id)]

    assert before[:3] == [
        ("release", StepState.PENDING),
        ("book", StepState.COMPLETED),
        ("release", StepState.PENDING),
    ]
    assert [state for _, state in after[:3]] == [StepState.COMPLETED] * 3


def test_a_replay_agrees() -> None:
    assert_deterministic.using(another_hash_seed=False)(lending)


def test_an_action_that_runs_once_at_most_is_refused() -> None:
    @action("on_end_send_once")
    def send() -> None: ...

    @workflow("tests.on_end.action")
    def sending(run: Context) -> None:
        run.on_end(send)

    run = driven(sending)

    assert run.state == RunState.BLOCKED
    assert "make it atomic" in (run.error or {})["message"]


def test_only_a_step_can_be_given() -> None:
    @workflow("tests.on_end.plain")
    def plain(run: Context) -> None:
        run.on_end(str, "x")  # type: ignore[arg-type]

    assert DefinitionError.__name__ in (driven(plain).error or {})["type"]


@step(atomic=True)
def make_group(name: str) -> None:
    Group.objects.create(name=name)


@step(atomic=True)
def remove_group(name: str) -> None:
    Group.objects.get(name=name).delete()
    Group.objects.create(name=f"{name} is gone")


@workflow("tests.on_end.groups")
def grouping(run: Context, name: str, then: str) -> None:
    run.on_end(remove_group, name)
    run.step(make_group, name)
    if then == "wait":
        run.wait_event("go")
    if then == "raise":
        raise Permanent("as told")


def test_killed_anywhere_each_run_cleans_up_once_however_it_ends() -> None:
    def play() -> None:
        for then in ("return", "raise", "wait"):
            run = start(grouping, name=then, then=then)
        late = start(grouping, name="late", then="wait", deadline_seconds=60)
        drive_until_idle()
        cancel(run.id)
        advance(seconds=61)
        assert get_run(late.id).is_over

    report = crash_everywhere(play, observe=lambda: sorted(Group.objects.values_list("name")))

    assert report.boundaries >= 40
