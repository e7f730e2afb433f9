"""A run is forked: it has the beginning of another, and goes on in its own way from there."""

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from workflows.api import (
    Context,
    Debounce,
    ForkRefused,
    HistoryKind,
    InvalidInput,
    Permanent,
    RetryRefused,
    RunNotFound,
    RunState,
    RunView,
    StepState,
    cancel,
    compensate,
    current_step,
    export_history,
    fork,
    get_history,
    get_run,
    list_runs,
    list_steps,
    pause,
    replay_history,
    replay_open_runs,
    resume,
    retry,
    run_started,
    send_event,
    start,
    step,
    workflow,
)
from workflows.core.digests import digest
from workflows.core.idempotency_key import step_key
from workflows.core.line_fields import BEFORE, BY, INPUTS, REASON, RUN, VIA
from workflows.models import Event, History, Run
from workflows.testing import advance, crash_everywhere, drive_until_idle
from workflows.tests.builders import claim, driven
from workflows.tests.flows import notes

pytestmark = pytest.mark.django_db
code: dict[str, Callable[[Context], Any]] = {}


@pytest.fixture(autouse=True)
def no_code() -> Iterator[None]:
    yield
    code.clear()
    mended.clear()


def give_back(output: str, what: str, key: str = "") -> None:
    notes.note(f"refund {what}")


@step(compensate=give_back)
def pay(what: str, key: str = "") -> str:
    notes.note(f"{what} {key}".strip())
    if what == "broken":
        raise Permanent("it is broken")
    return f"{what} paid"


@workflow("tests.forked_order")
def order(run: Context, first: str = "room", second: str = "broken") -> list[str]:
    return [run.step(pay, first, run.idempotency_key), run.step(pay, second, run.idempotency_key)]


@workflow("tests.forked_code")
def coded(run: Context) -> Any:
    return code["body"](run)


@workflow("tests.forked_saga", on_failure="compensate")
def saga(run: Context, second: str = "broken") -> None:
    run.step(pay, "room", run.idempotency_key)
    run.step(pay, second, run.idempotency_key)


@workflow("tests.forked_child")
def child(run: Context, fails: bool = False) -> str:
    run.wait_event("go")
    if fails:
        raise Permanent("no")
    return "child"


@workflow("tests.forked_parent")
def parent(run: Context, fails: bool = False) -> list[str]:
    begun = run.start_child(child, fails=fails)
    run.step(pay, "beside")
    return [begun.result(), run.step(pay, "behind")]


def driven_on(run: RunView) -> RunView:
    drive_until_idle()
    return get_run(run.id)


def coded_run(body: Callable[[Context], Any]) -> RunView:
    code["body"] = body
    return driven(coded)


def test_it_begins_with_what_was_done_and_goes_on_with_a_corrected_input() -> None:
    run = driven(order)
    assert run.state == RunState.FAILED
    notes.done.clear()

    forked = fork(run.id, at=2, input={"second": "car"}, by="ann", reason="typo", via="test")

    assert (forked.state, forked.forked_from) == (RunState.PENDING, run.id)
    assert forked.input == {"first": "room", "second": "car"}
    assert driven_on(forked).output == ["room paid", "car paid"]
    assert notes.done == [f"car {step_key(forked.id, 2)}"]
    assert get_run(run.id) == run


def test_its_history_says_from_where_and_who_asked() -> None:
    run = driven(order)
    forked = fork(run.id, at=2, input={"second": "car"}, by="ann", reason="typo", via="test")

    first, line = get_history(forked.id)
    known = get_history(run.id)[0]
    assert (first.position, first.data, first.at) == (1, known.data, known.at)
    assert line.kind == HistoryKind.FORKED
    told = (
        RUN.of(line),
        BEFORE.of(line),
        INPUTS.of(line),
        BY.of(line),
        REASON.of(line),
        VIA.of(line),
    )
    assert told == (str(run.id), 2, ["second"], "ann", "typo", "test")
    assert list_steps(forked.id)[0].state == StepState.COMPLETED


def test_what_stays_with_the_origin_and_what_goes_along() -> None:
    run = start.using(key="one", subject="it", owner="ann", tags=["night"], priority=3, tenant="t")(
        order
    )
    send_event(run.id, "unread")
    forked = fork(run.id, at=1)

    assert (forked.key, forked.subject, forked.parent_id) == (None, "", None)
    assert (forked.owner, forked.tags, forked.priority, forked.tenant) == (
        "ann",
        ("night",),
        3,
        "t",
    )
    assert not Event.objects.filter(run=forked.id).exists()
    assert start.using(key="one")(order).id == run.id


def test_without_an_input_it_has_that_of_the_origin_as_it_was() -> None:
    run = start(order, second="car")
    assert Run.objects.values("input", "defaults").get(pk=fork(run.id, at=1).id) == (
        Run.objects.values("input", "defaults").get(pk=run.id)
    )


@pytest.mark.parametrize(
    ("given", "told"), [({"second": 7}, "second"), ({"third": "x"}, "third"), (7, "input of")]
)
def test_a_wrong_input_is_refused(given: Any, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        fork(start(order).id, at=1, input=given)
    assert len(list_runs(workflow="tests.forked_order")) == 1


@pytest.mark.parametrize("at", [0, -1, True, "2", 1.0])
def test_a_position_is_a_number_from_one(at: Any) -> None:
    with pytest.raises(InvalidInput, match="give a position"):
        fork(start(order).id, at=at)


def test_a_run_that_is_not_there() -> None:
    with pytest.raises(RunNotFound):
        fork(uuid.uuid4(), at=1)


def test_a_changed_argument_of_what_was_done_blocks_it_as_any_change_does() -> None:
    run = driven(order)
    forked = driven_on(fork(run.id, at=2, input={"first": "hall"}))
    assert forked.state == RunState.BLOCKED
    assert forked.error is not None
    assert "what='hall'" in forked.error["message"]


def test_ids_and_chance_of_what_was_done_are_those_of_the_origin_and_later_ones_its_own() -> None:
    def body(run: Context) -> Any:
        early = (run.uuid(), run.random())
        run.step(pay, f"room {early} {run.now()}")
        late = (run.uuid(), run.random())
        run.step(pay, "gate")
        return [*early, *late]

    run = coded_run(body)
    forked = driven_on(fork(run.id, at=5))
    again = driven_on(fork(forked.id, at=7))
    shorter = driven_on(fork(forked.id, at=4))

    assert forked.output[:2] == run.output[:2]
    assert not set(forked.output[2:]) & set(run.output)
    assert again.output == forked.output
    assert shorter.output[:2] == run.output[:2]
    assert not set(shorter.output[2:]) & set(forked.output)


def test_the_run_id_is_its_own_and_no_other_argument_for_what_was_done() -> None:
    def body(run: Context) -> str:
        run.step(pay, f"for {run.run_id}", run.idempotency_key)
        return run.step(pay, f"and {run.run_id}")

    run = coded_run(body)
    forked = driven_on(fork(run.id, at=2))
    assert forked.output == f"and {forked.id} paid"
    assert digest(f"a {run.id}") == digest(f"a {forked.id}", (str(forked.id), str(run.id)))


def test_behind_the_end_it_does_only_what_is_new() -> None:
    run = coded_run(lambda run: run.step(pay, "room"))
    notes.done.clear()
    assert driven_on(fork(run.id, at=2)).output == "room paid"
    assert notes.done == []
    with pytest.raises(ForkRefused, match="come to position 1 only; fork at 2 at most"):
        fork(run.id, at=3)


def test_what_has_not_ended_is_not_left_behind() -> None:
    run = coded_run(lambda run: run.wait_event("go"))
    with pytest.raises(ForkRefused, match=r"position 1 \(wait 'go'\) has not ended; fork at 1"):
        fork(run.id, at=2)
    forked = driven_on(fork(run.id, at=1))
    send_event(forked.id, "go")
    assert driven_on(forked).state == RunState.COMPLETED
    assert get_run(run.id).state == RunState.WAITING


def test_not_inside_a_group() -> None:
    def body(run: Context) -> Any:
        run.gather(run.call(pay, "a"), run.call(pay, "b"))
        return run.step(pay, "c")

    run = coded_run(body)
    for at in (2, 3):
        with pytest.raises(ForkRefused, match="inside a group; fork at 1"):
            fork(run.id, at=at)
    notes.done.clear()
    driven_on(fork(run.id, at=4))
    assert notes.done == ["c"]
    driven_on(fork(run.id, at=1))
    assert sorted(notes.done) == ["a", "b", "c", "c"]


def test_not_beside_a_child_that_goes_on() -> None:
    run = driven(parent)
    with pytest.raises(ForkRefused, match=r"a child .* fork at 1 at most"):
        fork(run.id, at=3)
    [born] = list_runs(parent=run.id)
    send_event(born.id, "go")
    drive_until_idle()

    notes.done.clear()
    forked = driven_on(fork(run.id, at=4))
    assert forked.output == ["child", "behind paid"]
    assert notes.done == ["behind"]
    assert list_runs(parent=forked.id) == []
    assert list_runs(parent=driven_on(fork(run.id, at=1)).id)[0].id != born.id


def test_the_failure_of_a_child_of_the_origin_is_not_retried_in_the_fork() -> None:
    run = driven(parent, fails=True)
    [born] = list_runs(parent=run.id)
    send_event(born.id, "go")
    drive_until_idle()
    forked = driven_on(fork(run.id, at=4))
    assert forked.state == RunState.FAILED
    with pytest.raises(RetryRefused, match="a child of run"):
        retry(forked.id)


def test_detached_children_stay_with_the_origin() -> None:
    def body(run: Context) -> str:
        run.start_child.using(detached=True)(child)
        return run.step(pay, "c")

    run = coded_run(body)
    forked = driven_on(fork(run.id, at=2))
    assert forked.state == RunState.COMPLETED
    assert [len(list_runs(parent=each.id)) for each in (run, forked)] == [1, 0]


def test_what_has_been_undone_is_not_believed() -> None:
    run = driven(saga)
    assert run.state == RunState.COMPENSATED
    with pytest.raises(ForkRefused, match=r"position 1 \(step 'pay'\) has been undone; fork at 1"):
        fork(run.id, at=2)
    assert driven_on(fork(run.id, at=1, input={"second": "car"})).state == RunState.COMPLETED


def test_nor_what_is_being_undone() -> None:
    run = driven(order)
    assert compensate(run.id)
    with pytest.raises(ForkRefused, match="undoes its steps now; fork at 1 at most"):
        fork(run.id, at=2)


def test_it_undoes_what_was_done_under_the_key_of_the_origin() -> None:
    run = coded_run(lambda run: [run.step(pay, "room"), run.wait_event("go")])
    forked = driven_on(fork(run.id, at=2))
    cancel(forked.id)
    compensate(forked.id)
    assert driven_on(forked).state == RunState.COMPENSATED
    assert notes.done == ["room", "refund room"]
    assert get_run(run.id).state == RunState.WAITING


def test_what_a_group_has_undone_is_not_undone_again() -> None:
    def body(run: Context) -> str:
        try:
            run.gather(run.call(pay, "a"), run.call(pay, "broken"), on_error="compensate")
        except Exception:
            return run.step(pay, "c")
        return ""

    run = coded_run(body)
    assert "refund a" in notes.done
    notes.done.clear()
    assert driven_on(fork(run.id, at=4)).output == "c paid"
    assert notes.done == ["c"]


@step
def release(what: str) -> None:
    if what not in mended and what == "stuck":
        raise Permanent("not now")
    info = current_step()
    assert info is not None
    notes.note(f"release {what}")
    mended.add(info.idempotency_key)


def lent(what: str, then: Callable[[Context], Any]) -> Callable[[Context], Any]:
    """Return code that gives something back at its end, and does this before."""

    def body(run: Context) -> Any:
        run.on_end(release, what)
        run.step(pay, "room")
        return then(run)

    return body


@pytest.mark.parametrize("what", ["lock", "stuck"])
def test_a_fork_of_a_run_that_has_cleaned_up_cleans_up_behind_itself(what: str) -> None:
    run = coded_run(lent(what, lambda run: run.step(pay, "car")))
    mended.add("stuck")
    notes.done.clear()

    forked = driven_on(fork(run.id, at=3))

    assert forked.output == "car paid"
    assert notes.done == ["car", f"release {what}"]
    assert step_key(forked.id, 1, undo=True) in mended  # the other run's could not count twice
    assert list_steps(forked.id)[0].state == StepState.COMPLETED
    assert replay_history(export_history(forked.id)) is None


def test_a_run_that_failed_and_cleaned_up_goes_on_as_a_fork() -> None:
    run = coded_run(lent("lock", lambda run: run.step(pay, "broken")))
    assert (run.state, notes.done) == (RunState.FAILED, ["room", "broken", "release lock"])
    notes.done.clear()
    code["body"] = lent("lock", lambda run: run.step(pay, "car"))

    assert driven_on(fork(run.id, at=3)).output == "car paid"
    assert notes.done == ["car", "release lock"]


def test_a_run_that_was_cancelled_and_cleaned_up_goes_on_as_a_fork() -> None:
    run = coded_run(lent("lock", lambda run: run.wait_event("go")))
    cancel(run.id)
    assert driven_on(run).state == RunState.CANCELLED
    notes.done.clear()

    forked = fork(run.id, at=3)
    send_event(forked.id, "go", "gone")

    assert driven_on(forked).output == "gone"
    assert notes.done == ["release lock"]


def test_a_retried_run_is_forked_as_it_counts() -> None:
    run = coded_run(lambda run: [run.step(pay, "room"), run.step(pay, "broken")])
    code["body"] = lambda run: [run.step(pay, "room"), run.step(mendable, "broken")]
    broken = driven(coded)
    mended.add("broken")
    retry(broken.id)
    again = driven_on(broken)
    assert again.state == RunState.COMPLETED
    forked = fork(again.id, at=3)
    assert [each.part for each in get_history(forked.id)] == [0, 0, 0]
    assert driven_on(forked).output == again.output
    assert run.state == RunState.FAILED


mended: set[str] = set()


@step
def mendable(what: str) -> str:
    if what not in mended:
        raise Permanent("it is broken")
    return what


@pytest.mark.parametrize("state", sorted(RunState))
def test_every_state_will_do(state: RunState) -> None:
    run = Run.objects.create(workflow="tests.forked_order", version=1, state=state)
    forked = fork(run.pk, at=1, input={"second": "car"})
    assert driven_on(forked).state == RunState.COMPLETED
    run.refresh_from_db()
    assert run.state == state


def test_the_origin_may_be_pruned() -> None:
    run = driven(order)
    forked = fork(run.id, at=2, input={"second": "car"})
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL workflows.pruning = 'on'")
    Run.objects.filter(pk=run.id).delete()
    assert driven_on(forked).output == ["room paid", "car paid"]
    assert get_run(forked.id).forked_from == run.id


def test_of_a_chain_the_run_is_forked_that_is_named() -> None:
    def body(run: Context) -> Any:
        run.data["rounds"] = run.data.get("rounds", 0) + 1
        run.step(pay, str(run.data["rounds"]))
        if run.data["rounds"] < 3:
            run.continue_as_new()
        return run.data["rounds"]

    run = coded_run(body)
    second = get_run(get_run(run.id).continued_as or "")
    notes.done.clear()
    forked = driven_on(fork(second.id, at=1))
    assert notes.done == ["2", "3"]
    assert forked.continued_as not in (None, second.continued_as)
    assert get_run(forked.continued_as or "").output == 3


def test_it_has_as_long_as_the_origin_had_or_as_is_said() -> None:
    run = start.using(deadline_seconds=60)(coded)
    advance(3600)
    forked, other = fork(run.id, at=1), fork(run.id, at=1, deadline_seconds=5)
    spans = [
        each.deadline and round((each.deadline - each.created_at).total_seconds())
        for each in (forked, other)
    ]
    assert spans == [60, 5]
    assert fork(start(order).id, at=1).deadline is None
    with pytest.raises(InvalidInput, match="deadline_seconds"):
        fork(run.id, at=1, deadline_seconds="soon")  # type: ignore[arg-type]


def span(run: RunView) -> int:
    assert run.deadline is not None
    return round((run.deadline - run.created_at).total_seconds())


def test_of_a_run_that_was_put_off_it_has_as_long_as_that_had_from_its_time_on() -> None:
    later = timezone.now() + timedelta(hours=1)
    run = start.using(deadline_seconds=60, at=later)(coded)
    soon = Debounce("k", seconds=100)
    bounced = start.using(deadline_seconds=60, debounce=soon)(coded)
    assert start.using(deadline_seconds=50, debounce=soon)(coded).id == bounced.id

    assert span(fork(run.id, at=1)) == 60
    assert span(fork(bounced.id, at=1)) == 50


def test_of_a_run_that_was_retried_it_has_as_long_as_that_was_given_last() -> None:
    code["body"] = lambda run: run.wait_event("go")
    run = start.using(deadline_seconds=60)(coded)
    advance(3600)
    assert retry(run.id, deadline_seconds=30)

    forked = fork(run.id, at=1)

    assert span(forked) == 30
    assert span(fork(forked.id, at=1, deadline_seconds=5)) == 5
    assert span(fork(forked.id, at=1)) == 30


def test_of_a_chain_it_has_as_long_as_all_of_that_had() -> None:
    def body(run: Context) -> Any:
        run.wait_event("go")
        run.continue_as_new()

    code["body"] = body
    run = start.using(deadline_seconds=60)(coded)
    drive_until_idle()
    advance(50)
    send_event(run.id, "go")
    drive_until_idle()
    newest = get_run(run.id, newest=True)
    assert newest.id != run.id

    assert span(newest) == 10
    assert span(fork(newest.id, at=1)) == 60


def test_of_a_run_that_an_older_release_has_started_it_has_what_that_told() -> None:
    run = start.using(deadline_seconds=60)(coded)
    Run.objects.filter(pk=run.id).update(deadline_seconds=None)

    assert span(fork(run.id, at=1)) == 60


def test_the_label_is_the_one_of_then_and_the_rest_is_stored_with_the_next_record() -> None:
    def body(run: Context) -> None:
        run.set_status("early")
        run.data["seen"] = "early"
        run.step(pay, "a")
        run.set_status("late")
        run.wait_event("go")

    run = coded_run(body)
    forked = fork(run.id, at=3)
    assert forked.status == "early"
    assert driven_on(forked).status == "late"
    assert get_run(forked.id).data == {"seen": "early"}


def test_a_fork_is_paused_exported_and_replayed_as_any_run() -> None:
    run = coded_run(lambda run: [str(run.uuid()), run.step(pay, "a"), run.wait_event("go")])
    forked = driven_on(fork(run.id, at=3))
    assert replay_open_runs() == []
    assert replay_history(export_history(forked.id)) is None
    assert pause(forked.id)
    assert resume(forked.id)
    assert driven_on(forked).state == RunState.WAITING


def test_an_older_release_reads_its_history_and_waits_for_newer_code() -> None:
    """It reads none of a run that nobody has driven, and would do all of it again."""
    fork(driven(order).id, at=2)
    assert claim().attempt == 2
    line = History.objects.get(kind="forked")
    assert line.position is None  # which is how a line of a kind that it does not know is told


def test_it_is_announced(django_capture_on_commit_callbacks: Any) -> None:
    told: list[Any] = []

    def hear(*, run_id: Any, forked_from: Any, **_: Any) -> None:
        told.append((run_id, forked_from))

    run_started.connect(hear)
    try:
        run = start(order)
        forked = fork(run.id, at=1)
    finally:
        run_started.disconnect(hear)
    assert told == [(run.id, None), (forked.id, run.id)]


@workflow("tests.forked_everywhere")
def everywhere(run: Context) -> str:
    run.step(pay, str(run.uuid()), run.idempotency_key)
    run.sleep(1)
    run.step(pay, f"{run.random()}", run.idempotency_key)
    return run.step(pay, "car", run.idempotency_key)


def test_killed_anywhere_a_fork_ends_the_same() -> None:
    def play() -> None:
        notes.done.clear()
        run = driven(everywhere)
        advance(2)
        drive_until_idle()
        notes.done.clear()
        fork(run.id, at=5, by="ann")

    crash_everywhere(play, at_least_once=lambda: notes.done)
