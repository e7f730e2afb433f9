"""@workflow(retry=…): a whole run is tried again by itself, each try a run of the chain."""

from uuid import UUID

import pytest
from django.contrib.auth.models import Group

from workflows.api import (
    ChildFailed,
    Context,
    DefinitionError,
    ErrorKind,
    HistoryKind,
    Permanent,
    RetryPolicy,
    RunFailed,
    RunState,
    RunView,
    SubjectTaken,
    cancel,
    compensate,
    current_step,
    get_run,
    pause,
    result,
    resume,
    retry,
    send_event,
    start,
    step,
    workflow,
)
from workflows.definitions.workflow import Workflow
from workflows.models import Run
from workflows.testing import advance, crash_everywhere, drive_until_idle
from workflows.tests.builders import driven, kinds
from workflows.tests.flows import ONCE, notes

pytestmark = pytest.mark.django_db
SOON = RetryPolicy(attempts=3, first_delay_seconds=0)
LATER = RetryPolicy(attempts=3, first_delay_seconds=60, factor=2, jitter=0)
failures: list[Exception] = []
keys: list[str] = []


@pytest.fixture(autouse=True)
def no_failures() -> None:
    failures.clear()
    keys.clear()


def unbook(output: str, what: str) -> None:
    notes.note(f"undo {what}")


@step(retry=ONCE, compensate=unbook)
def book(what: str) -> str:
    notes.note(f"book {what}")
    info = current_step()
    assert info is not None
    keys.append(info.idempotency_key)
    return what


def fail_or(value: str) -> str:
    if failures:
        raise failures.pop(0)
    return value


@workflow("tries.soon", retry=SOON)
def soon(run: Context, what: str = "room") -> str:
    run.data["what"] = what
    run.step(book, what)
    return fail_or("done")


@workflow("tries.later", retry=LATER, one_per_subject=True)
def later(run: Context) -> str:
    return fail_or("done")


@workflow("tries.short", retry=LATER, deadline_seconds=100)
def short(run: Context) -> str:
    return fail_or("done")


@workflow("tries.undoing", retry=SOON, on_failure="compensate")
def undoing(run: Context) -> str:
    run.step(book, "room")
    return fail_or("done")


@workflow("tries.choosy", retry=RetryPolicy(attempts=3, first_delay_seconds=0, retry_on=(OSError,)))
def choosy(run: Context) -> str:
    return fail_or("done")


@workflow("tries.hearing", retry=SOON)
def hearing(run: Context) -> str:
    heard = run.wait_event("go", timeout_seconds=60)
    return fail_or(f"heard {heard}")


@workflow("tries.parent")
def parent(run: Context) -> str:
    try:
        return str(run.start_child(soon).result())
    except ChildFailed as failed:
        return f"{failed.state} {failed.message}"


def chain_of(first: UUID) -> list[Run]:
    """Return the tries of a run, oldest first."""
    tries = Run.objects.filter(pk=first) | Run.objects.filter(chain_id=first)
    return list(tries.order_by("failed_tries"))


def newest(run: RunView) -> RunView:
    return get_run(run.id, newest=True)


def test_a_run_that_fails_twice_is_done_at_the_third_try_with_keys_of_its_own() -> None:
    failures[:] = [OSError("one"), OSError("two")]
    first = start(soon, tags=["night"], attributes={"a": 1}, owner="bob")
    drive_until_idle()

    tries = chain_of(first.id)
    assert [each.state for each in tries] == ["failed", "failed", "completed"]
    assert [each.failed_tries for each in tries] == [0, 1, 2]
    assert [(each.error or {})["message"] for each in tries[:2]] == ["one", "two"]
    assert {
        (each.owner, *each.tags, each.attributes["a"], each.data["what"]) for each in tries
    } == {("bob", "night", 1, "room")}
    assert kinds(first.id)[-2:] == [HistoryKind.RUN_FAILED, HistoryKind.CONTINUED]
    assert result(first.id) == "done"
    assert len(set(keys)) == 3


def test_the_last_try_fails_for_good() -> None:
    failures[:] = [OSError("one"), OSError("two"), OSError("three")]
    first = driven(soon)

    assert newest(first).failed_tries == 2
    with pytest.raises(RunFailed, match="three"):
        result(first.id)


def test_a_parent_sees_the_last_end_only() -> None:
    failures[:] = [OSError("one")]
    assert driven(parent).output == "done"
    failures[:] = [OSError("one"), OSError("two"), OSError("three")]
    assert driven(parent).output == "failed three"


def test_what_a_try_did_is_undone_before_the_next() -> None:
    failures[:] = [OSError("one")]
    first = driven(undoing)

    assert notes.done == ["book room", "undo room", "book room"]
    assert get_run(first.id).state == RunState.COMPENSATED
    assert newest(first).state == RunState.COMPLETED


@pytest.mark.parametrize("error", [Permanent("no"), ValueError("not named")])
def test_what_no_try_can_help_fails_at_once(error: Exception) -> None:
    failures[:] = [error]
    run = driven(choosy)

    assert (run.state, run.continued_as) == (RunState.FAILED, None)


def test_what_the_policy_names_is_tried_again() -> None:
    failures[:] = [OSError("named")]

    assert newest(driven(choosy)).output == "done"


def test_a_policy_of_kinds_gives_up_on_them() -> None:
    policy = RetryPolicy(attempts=3, first_delay_seconds=0, give_up_on=(ErrorKind.SYSTEM,))

    @workflow("tries.kinds", retry=policy)
    def by_kind(run: Context) -> str:
        return fail_or("done")

    failures[:] = [OSError("system")]
    assert driven(by_kind).state == RunState.FAILED


def test_tries_are_apart_and_hold_nothing_meanwhile() -> None:
    failures[:] = [OSError("one"), OSError("two")]
    first = start(later, subject="order:7")
    drive_until_idle()
    waiting = newest(first)

    assert (waiting.state, waiting.attempt) == (RunState.PENDING, 0)
    with pytest.raises(SubjectTaken):
        start(later, subject="order:7")
    advance(seconds=59)
    assert newest(first).failed_tries == 1
    advance(seconds=2)
    assert newest(first).failed_tries == 2
    advance(seconds=121)
    assert (newest(first).state, newest(first).subject) == (RunState.COMPLETED, "order:7")


def test_one_deadline_holds_for_all_tries() -> None:
    failures[:] = [OSError("one"), OSError("two")]
    first = driven(short)
    assert newest(first).deadline == get_run(first.id).deadline
    advance(seconds=61)  # the third would begin 120 s later, beyond the deadline

    last = newest(first)
    assert (last.state, last.failed_tries) == (RunState.FAILED, 1)


def test_a_try_that_waits_for_its_time_is_cancelled_paused_and_hurried_by_the_first_id() -> None:
    failures[:] = [OSError("one")]
    paused = driven(short)
    assert pause(paused.id)
    advance(seconds=61)
    assert newest(paused).state == RunState.PAUSED
    assert resume(paused.id)
    drive_until_idle()
    assert newest(paused).state == RunState.COMPLETED

    failures[:] = [OSError("one")]
    hurried = driven(short)
    assert retry(hurried.id)
    drive_until_idle()
    assert newest(hurried).state == RunState.COMPLETED

    failures[:] = [OSError("one")]
    cancelled = driven(short)
    assert cancel(cancelled.id)
    assert newest(cancelled).state == RunState.CANCELLED


def test_an_event_that_a_failed_try_has_heard_is_heard_again() -> None:
    failures[:] = [OSError("one")]
    first = start(hearing)
    send_event(first.id, "go", 7, key="k")
    drive_until_idle()
    send_event(first.id, "go", 7, key="k")

    assert newest(first).output == "heard 7"


def test_a_run_that_operators_undo_is_not_tried_again() -> None:
    failures[:] = [Permanent("one")]
    run = driven(soon)
    assert compensate(run.id)
    drive_until_idle()

    assert (newest(run).id, newest(run).state) == (run.id, RunState.COMPENSATED)


def test_what_is_no_policy_is_refused() -> None:
    with pytest.raises(DefinitionError, match="give a RetryPolicy"):
        workflow("tries.wrong", retry=3)  # type: ignore[arg-type]


def free(output: str, what: str) -> None:
    Group.objects.filter(name=output).update(name=f"freed {output}")


@step(atomic=True, retry=ONCE, compensate=free)
def take(what: str) -> str:
    return Group.objects.create(name=f"{what} {Group.objects.count()}").name


@workflow("tries.counted", retry=RetryPolicy(attempts=3, first_delay_seconds=5, jitter=0))
def counted(run: Context) -> int:
    run.step(take, "room")
    tries = run.data["tries"] = run.data.get("tries", 0) + 1
    if tries < 3:
        raise OSError("again")
    return int(tries)


@workflow("tries.undone", on_failure="compensate", retry=RetryPolicy(attempts=2))
def undone(run: Context) -> int:
    run.step(take, "room")
    tries = run.data["tries"] = run.data.get("tries", 0) + 1
    if tries < 2:
        raise OSError("again")
    return int(tries)


@pytest.mark.parametrize(
    ("flow", "taken"),
    [(counted, ["room 0", "room 1", "room 2"]), (undone, ["freed room 0", "room 1"])],
)
def test_killed_anywhere_each_try_happens_once(flow: Workflow[..., int], taken: list[str]) -> None:
    def play() -> None:
        run = start(flow)
        for _ in range(3):
            advance(seconds=60)
        assert get_run(run.id, newest=True).state == RunState.COMPLETED
        assert sorted(Group.objects.values_list("name", flat=True)) == sorted(taken)

    crash_everywhere(play, observe=lambda: sorted(Group.objects.values_list("name")))
