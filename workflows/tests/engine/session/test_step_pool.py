"""Steps of other pools: the run goes where its next step runs, and home for those of its own pool."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from workflows.api import (
    Context,
    DefinitionError,
    Limit,
    Rate,
    RetryPolicy,
    RunState,
    StepState,
    cancel,
    current_step,
    fork,
    get_run,
    list_missing_code,
    list_steps,
    pause,
    resume,
    retry,
    retry_now,
    send_event,
    start,
    step,
    workflow,
)
from workflows.core.limit import Wanted
from workflows.core.pool import DEFAULT_POOL
from workflows.engine.served_code import code_here, serve
from workflows.models import LimitMoment, LimitSlot, LimitWait, Run
from workflows.store import limits
from workflows.store.queue import claim_run, look_ahead
from workflows.store.workers import enlist
from workflows.testing import advance, crash_everywhere, drive_until_idle, fake, history_of
from workflows.tests.builders import (
    LEASE_SECONDS,
    connected,
    driven,
    row,
    started_and_claimed,
    until,
)
from workflows.tests.engine.workers import work
from workflows.tests.flows import GPU, NOW, ONCE, draw, drawn, greet, greet_once, notes

LATER = RetryPolicy(attempts=2, first_delay_seconds=30, jitter=0)
TAPE = "tests_tape"
committed = pytest.mark.usefixtures("committed")


@pytest.fixture(autouse=True)
def served_as_before() -> Iterator[None]:
    yield
    serve(None)


def work_in(*pools: str) -> int:
    """Work off what is due, as a cluster that serves these pools."""
    serve(pools)
    return work()


def greet_back(output: str, name: str) -> None:
    notes.note(f"undo {name}")


@step(pool=GPU, compensate=greet_back)
def draw_undoably(name: str) -> str:
    notes.note(f"draw {name}")
    return name


@step(retry=ONCE)
def refuse() -> None:
    raise ValueError("no")


@step(pool=GPU, retry=LATER)
def fail_at_first() -> str:
    notes.note("draw")
    info = current_step()
    if info is not None and info.attempt == 1:
        raise ValueError("the card is hot")
    return "drawn"


@step(pool=TAPE)
def keep(what: Any) -> Any:
    notes.note(f"keep {what}")
    return what


@step(pool=GPU, atomic=True)
def draw_atomically(name: str) -> str:
    notes.note(f"draw {name}")
    return name


@step(pool=GPU, retry=NOW)
async def draw_async(name: str) -> str:
    notes.note(f"draw {name}")
    return name


@step(pool=GPU, concurrency=Limit(1, name="one card"))
def draw_alone(name: str) -> str:
    notes.note(f"draw {name}")
    return name


@workflow("tests.pools.undone", on_failure="compensate", on_cancel="compensate")
def undone(run: Context, fails: bool = True) -> None:
    run.step(draw_undoably, "Ann")
    if fails:
        run.step(refuse)
    run.wait_event("go")


@workflow("tests.pools.undone_at_a_cancel", on_cancel="compensate")
def drawn_twice(run: Context) -> None:
    run.step(draw_undoably, "Ann")
    run.step(greet, "Ann")
    run.step(draw_undoably, "Bob")


@workflow("tests.pools.tried_again")
def tried_again(run: Context) -> str:
    return run.step(fail_at_first)


@step(pool=GPU, retry=ONCE)
def fail_there() -> None:
    raise ValueError("no card")


@workflow("tests.pools.fails_in_its_pool")
def fails_in_its_pool(run: Context) -> None:
    run.step(fail_there)


@workflow("tests.pools.hurried", deadline_seconds=60)
def hurried(run: Context) -> str:
    return run.step(draw, "Ann")


@workflow("tests.pools.gathered")
def gathered(run: Context) -> Any:
    return run.gather(
        run.call(greet, "Ann"), run.call(draw, "Bob"), run.call(keep, "Cid"), run.call(draw, "Dan")
    )


@workflow("tests.pools.graph")
def charted(run: Context) -> Any:
    found = run.graph(
        {
            "first": run.call(draw, "Ann"),
            "second": run.call(greet, run.output("first")),
            "third": run.call(keep, run.output("second")),
        }
    )
    return found["third"]


@workflow("tests.pools.gathered_again")
def gathered_again(run: Context) -> Any:
    return run.gather(run.call(fail_at_first), run.call(greet, "Ann"))


@workflow("tests.pools.alone")
def alone(run: Context) -> str:
    return run.step(draw_alone, "Ann")


@workflow("tests.pools.waits_between")
def waits_between(run: Context) -> str:
    run.step(draw, "Ann")
    run.wait_event("go")
    return run.step(greet, "Bob")


@workflow("tests.pools.own_named", pool=TAPE)
def own_named(run: Context) -> Any:
    run.step(greet, "Ann")
    return run.step(keep, "Bob")


@workflow("tests.pools.kinds")
def of_all_kinds(run: Context) -> list[str]:
    return [run.step(draw_atomically, "Ann"), run.step(draw_async, "Bob")]


@step(pool=GPU, rate=Rate(1, per_seconds=0.2))
def draw_slowly(name: str) -> str:
    notes.note(f"draw {name}")
    return name


@workflow("tests.pools.slow")
def slow(run: Context) -> str:
    return run.step(draw_slowly, "Ann")


@committed
def test_a_step_of_a_pool_that_waits_for_a_slot_keeps_its_turn_on_the_way_there() -> None:
    holder = started_and_claimed(greet_once, name="Ann")
    run = start(alone)
    wanted = Wanted(name="one card", key="", rule=Limit(1))
    assert limits.take(holder, 1, slots=[wanted], rate=None, parks=False) == limits.Taken()
    work_in(DEFAULT_POOL)
    work_in(GPU)
    told = get_run(run.id).waiting_for

    limits.leave(holder, 1)
    work_in(DEFAULT_POOL)
    limits.wake_waiters()

    assert told == ("limit one card: 1 of 1",)
    assert get_run(run.id).waiting_for == (f"pool {GPU}",)
    assert LimitWait.objects.filter(run_id=run.id).exists()
    work_in(GPU)
    work_in(DEFAULT_POOL)
    assert get_run(run.id).state == RunState.COMPLETED
    assert notes.done == ["draw Ann"]
    assert not LimitWait.objects.exists()
    assert not LimitSlot.objects.filter(run_id__isnull=False).exists()


@committed
def test_a_rate_of_a_step_of_a_pool_lets_each_run_have_its_moment() -> None:
    runs = [start(slow).id for _ in range(3)]

    def all_ended() -> bool:
        work_in(DEFAULT_POOL)
        work_in(GPU)
        return {get_run(run).state for run in runs} == {RunState.COMPLETED}

    until(all_ended)

    assert notes.done == ["draw Ann"] * 3
    assert not LimitMoment.objects.exists()


@committed
def test_a_run_goes_to_the_pool_of_its_step_and_home_for_the_next() -> None:
    run = start(drawn, name="Ann")

    work_in(DEFAULT_POOL)
    there = get_run(run.id)
    before = list(notes.done)
    work_in(GPU)
    back = get_run(run.id)
    drawn_there = list(notes.done)
    work_in(DEFAULT_POOL)

    assert (there.state, there.step_pool, there.waiting_for) == (
        RunState.WAITING,
        GPU,
        (f"pool {GPU}",),
    )
    assert there.wake_at is not None
    assert before == ["greet Ann"]
    assert (back.state, back.step_pool, back.waiting_for) == (RunState.WAITING, "", ())
    assert drawn_there == ["greet Ann", "draw Ann"]
    assert get_run(run.id).output == ["Hello, Ann", "Ann, drawn", "Hello, all"]


@committed
def test_where_both_pools_are_served_one_drive_does_it_all() -> None:
    run = start(drawn, name="Ann")

    assert work_in(DEFAULT_POOL, GPU) == 1
    assert get_run(run.id).state == RunState.COMPLETED


@committed
def test_a_step_that_names_the_pool_of_its_workflow_goes_nowhere() -> None:
    run = start(own_named)

    assert work_in(TAPE) == 1
    assert get_run(run.id).state == RunState.COMPLETED


@committed
def test_steps_of_all_kinds_run_in_their_pool() -> None:
    run = start(of_all_kinds)

    assert work_in(DEFAULT_POOL) == 1
    assert notes.done == []
    assert work_in(GPU) == 1
    assert get_run(run.id).output == ["Ann", "Bob"]


@committed
def test_other_clusters_neither_take_nor_count_a_run_that_waits_for_a_pool() -> None:
    start(drawn, name="Ann")
    work_in(DEFAULT_POOL)

    with connected() as own:
        serve([DEFAULT_POOL, TAPE])
        elsewhere = look_ahead(own, limit=10, code=code_here())
        taken = claim_run(worker_id=None, lease_seconds=LEASE_SECONDS, code=code_here())
        serve([GPU])
        there = look_ahead(own, limit=10, code=code_here())

    assert (elsewhere.runs, elsewhere.next_seconds, taken) == (0, None, None)
    assert there.runs == 1
    assert there.next_seconds is not None
    assert there.next_seconds <= 0


@committed
def test_what_waits_for_a_pool_goes_by_priority_and_time_as_all_do() -> None:
    first, second = start(drawn, name="Ann"), start(drawn, name="Bob")
    urgent = start(drawn, name="Cid", priority=5)
    work_in(DEFAULT_POOL)
    own = start(own_named)
    serve([GPU, TAPE])

    taken = []
    while (
        run := claim_run(worker_id=None, lease_seconds=LEASE_SECONDS, code=code_here())
    ) is not None:
        taken.append((run.id, run.step_pool))

    assert taken[0] == (urgent.id, GPU)
    assert set(taken[1:3]) == {(first.id, GPU), (second.id, GPU)}
    assert taken[3:] == [(own.id, "")]


@committed
def test_a_failed_attempt_is_tried_again_in_its_pool_when_its_time_has_come() -> None:
    run = start(tried_again)
    work_in(DEFAULT_POOL)
    work_in(GPU)
    waiting = row(run.id)

    Run.objects.update(step_due_at=Now())
    work_in(DEFAULT_POOL)
    untouched = list(notes.done)
    work_in(GPU)

    assert (waiting["state"], waiting["step_pool"], waiting["wake_at"]) == ("waiting", GPU, None)
    assert untouched == ["draw"]
    assert get_run(run.id).output == "drawn"


@committed
def test_a_run_that_waits_for_a_pool_fails_at_its_deadline_in_its_own() -> None:
    run = start(hurried)
    work_in(DEFAULT_POOL)
    waiting = row(run.id)

    Run.objects.update(deadline=Now(), wake_at=Now())
    work_in(DEFAULT_POOL)

    assert waiting["wake_at"] == waiting["deadline"]
    assert get_run(run.id).state == RunState.FAILED
    assert row(run.id)["step_pool"] == ""
    assert notes.done == []


@committed
def test_behind_a_wait_a_run_is_its_own_pool_s() -> None:
    run = start(waits_between)
    work_in(DEFAULT_POOL)
    work_in(GPU)

    send_event(run.id, "go")
    assert work_in(GPU) == 0
    work_in(DEFAULT_POOL)

    assert get_run(run.id).state == RunState.COMPLETED


@committed
def test_a_group_does_what_runs_here_and_goes_from_pool_to_pool_for_the_rest() -> None:
    run = start(gathered)

    work_in(DEFAULT_POOL)
    assert sorted(notes.done) == ["greet Ann"]
    work_in(GPU)
    assert sorted(notes.done) == ["draw Bob", "draw Dan", "greet Ann"]
    work_in(TAPE)

    assert get_run(run.id).output == ["Hello, Ann", "Bob, drawn", "Cid", "Dan, drawn"]


@committed
def test_a_graph_takes_its_calls_through_the_pools_in_their_order() -> None:
    run = start(charted)

    for pool in (DEFAULT_POOL, GPU, DEFAULT_POOL, TAPE):
        assert work_in(pool) == 1

    assert get_run(run.id).output == "Hello, Ann, drawn"
    assert notes.done == ["draw Ann", "greet Ann, drawn", "keep Hello, Ann, drawn"]


@committed
def test_a_branch_that_is_tried_again_waits_in_its_pool() -> None:
    run = start(gathered_again)
    work_in(DEFAULT_POOL)
    work_in(GPU)
    waiting = row(run.id)
    Run.objects.update(step_due_at=Now())

    assert waiting["step_pool"] == GPU
    assert work_in(DEFAULT_POOL) == 0
    assert list_steps(run.id)[0].state == StepState.WAITING
    # Its time stands in history: it is not due yet, and waits there again.
    work_in(GPU)
    assert row(run.id)["step_pool"] == GPU
    assert row(run.id)["step_due_at"] == waiting["step_due_at"]


@committed
def test_a_step_is_undone_in_its_pool() -> None:
    run = start(undone)

    work_in(DEFAULT_POOL)
    work_in(GPU)
    work_in(DEFAULT_POOL)
    waiting = get_run(run.id)
    before = list(notes.done)
    work_in(GPU)

    assert (waiting.state, waiting.step_pool) == (RunState.COMPENSATING, GPU)
    assert before == ["draw Ann"]
    assert notes.done == ["draw Ann", "undo Ann"]
    assert get_run(run.id).state == RunState.COMPENSATED


@pytest.mark.django_db
def test_the_compensation_of_a_step_with_a_pool_is_faked_like_any_other() -> None:
    with fake(greet_back) as undo:
        driven(undone)

    assert undo.calls
    assert notes.count("undo Ann") == 0


@committed
def test_cancelled_while_it_waits_for_a_pool_it_undoes_what_was_done() -> None:
    run = start(drawn_twice)
    for pool in (DEFAULT_POOL, GPU, DEFAULT_POOL):
        work_in(pool)
    assert get_run(run.id).step_pool == GPU

    cancel(run.id)
    for pool in (GPU, DEFAULT_POOL, GPU):
        work_in(pool)

    assert get_run(run.id).state == RunState.COMPENSATED
    assert notes.done == ["draw Ann", "greet Ann", "undo Ann"]


@committed
def test_cancelled_without_anything_to_undo_it_is_over_and_nobody_takes_it() -> None:
    run = start(drawn, name="Ann")
    work_in(DEFAULT_POOL)

    cancel(run.id)

    assert get_run(run.id).state == RunState.CANCELLED
    assert get_run(run.id).step_pool == ""
    assert work_in(GPU) == 0


@committed
def test_paused_it_is_left_alone_and_resumed_it_waits_for_its_pool_again() -> None:
    run = start(drawn, name="Ann")
    work_in(DEFAULT_POOL)

    pause(run.id)
    paused = get_run(run.id).state, work_in(GPU)
    resume(run.id)
    work_in(GPU)

    assert paused == (RunState.PAUSED, 0)
    assert notes.done == ["greet Ann", "draw Ann"]


@committed
def test_retried_and_forked_runs_go_to_the_pool_again() -> None:
    run = start(fails_in_its_pool)
    work_in(DEFAULT_POOL)
    work_in(GPU)
    assert get_run(run.id).state == RunState.FAILED

    retry(run.id)
    copy = fork(run.id, at=1)
    work_in(DEFAULT_POOL)

    assert [get_run(each).step_pool for each in (run.id, copy.id)] == [GPU, GPU]


@committed
def test_retry_now_lets_its_own_pool_look_which_pool_the_step_is_of_today() -> None:
    run = start(drawn, name="Ann")
    work_in(DEFAULT_POOL)
    Run.objects.update(step_pool="tests_of_yesterday")

    retry_now(run.id)
    work_in(DEFAULT_POOL)

    assert get_run(run.id).step_pool == GPU


@committed
def test_a_limit_is_asked_for_in_the_pool_alone() -> None:
    run = start(alone)

    work_in(DEFAULT_POOL)
    limited = row(run.id)["limited"]
    work_in(GPU)

    assert limited is False
    assert get_run(run.id).state == RunState.COMPLETED


@committed
def test_a_run_that_waits_for_a_pool_that_nobody_serves_says_so() -> None:
    run = start(drawn, name="Ann")
    other = start(greet_once, name="Bob")
    work_in(DEFAULT_POOL)
    Run.objects.filter(pk=run.id).update(step_due_at=Now() - timedelta(minutes=1))

    said: list[tuple[bool, Sequence[Any]]] = []
    for served in ([DEFAULT_POOL], [TAPE], [GPU]):
        serve(served)
        with connected() as own:
            enlist(own, host="here", pid=1, code=code_here())
            said.append((get_run(run.id).code_missing, list_missing_code()))

    [missing] = said[0][1]
    assert (missing.run_id, missing.step_pool, missing.runs) == (run.id, GPU, 1)
    assert [each for each, _ in said] == [True, True, False]
    assert said[2][1] == []
    assert not get_run(other.id).code_missing


@committed
def test_a_worker_that_serves_the_pool_but_has_no_code_does_not_help() -> None:
    run = start(drawn, name="Ann")
    work_in(DEFAULT_POOL)
    Run.objects.update(step_due_at=Now() - timedelta(minutes=1), version=99)

    serve([GPU])
    with connected() as own:
        enlist(own, host="here", pid=1, code=code_here())
        assert get_run(run.id).code_missing
        assert [each.step_pool for each in list_missing_code()] == [GPU]


@pytest.mark.django_db
def test_the_kit_drives_each_step_in_its_pool_and_history_tells_nothing_of_it() -> None:
    run = start(drawn, name="Ann")

    assert drive_until_idle() == 3
    assert get_run(run.id).state == RunState.COMPLETED
    assert [kind for kind, _ in history_of(run)] == ["step_completed"] * 3 + ["run_completed"]


@pytest.mark.django_db
def test_the_kit_lets_the_time_of_a_retry_in_another_pool_come() -> None:
    run = start(tried_again)

    advance(31)

    assert get_run(run.id).output == "drawn"


@pytest.mark.django_db
def test_killed_anywhere_runs_of_several_pools_end_the_same() -> None:
    def scenario() -> None:
        notes.done.clear()
        driven(gathered)

    assert crash_everywhere(scenario, pairs=5).boundaries > 20


@pytest.mark.django_db
def test_killed_anywhere_what_is_undone_in_another_pool_ends_the_same() -> None:
    def scenario() -> None:
        cancel(driven(undone, fails=False).id)
        drive_until_idle()

    assert crash_everywhere(scenario, pairs=5).boundaries > 10


@pytest.mark.django_db
def test_killed_anywhere_a_retry_in_another_pool_ends_the_same() -> None:
    def scenario() -> None:
        notes.done.clear()
        start(tried_again)
        start(alone)
        advance(60)

    assert crash_everywhere(scenario).boundaries > 3


@pytest.mark.parametrize("pool", ["", 7, "x" * 501])
def test_what_is_no_name_of_a_pool_is_refused_where_it_is_written(pool: Any) -> None:
    with pytest.raises(DefinitionError, match="pool is"):
        step(pool=pool)(greet_back)
