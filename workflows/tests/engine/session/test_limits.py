"""Limits: how many at once and how often, over all drives; who waits holds nothing."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from workflows.api import (
    Context,
    Limit,
    Rate,
    RetryPolicy,
    RunState,
    RunView,
    Transient,
    cancel,
    compensate,
    get_run,
    start,
    step,
    workflow,
)
from workflows.models import LimitMoment, LimitSlot, LimitWait, Run
from workflows.store.database import intercepted, query
from workflows.store.statement import Statement
from workflows.testing import advance, crash_everywhere, drive_until_idle, send
from workflows.tests.builders import claim
from workflows.tests.flows import greet_once

pytestmark = pytest.mark.django_db

begun: list[Any] = []
"""What steps have begun with, and who held which slots then."""


def held(name: str) -> int:
    return LimitSlot.objects.filter(name=name, run_id__isnull=False).count()


@workflow("limits.guarded", concurrency=Limit(2, name="guarded runs"))
def guarded(run: Context) -> str:
    run.wait_event("go")
    return "done"


@workflow("limits.by_tenant", concurrency=Limit(1, by="tenant"))
def by_tenant(run: Context) -> None:
    run.wait_event("go")


@workflow("limits.by_shop", concurrency=Limit(1, by="shop"))
def by_shop(run: Context, shop: str = "Ghent") -> None:
    run.wait_event("go")


@step(concurrency=Limit(1, name="one desk"))
def at_the_desk(who: str) -> str:
    begun.append((who, held("one desk")))
    return who


@step(rate=Rate(1, per_seconds=10, name="slow bell"))
def ring(who: str) -> str:
    begun.append(who)
    return who


@step(
    concurrency=Limit(1, name="moody desk"),
    retry=RetryPolicy(attempts=3, first_delay_seconds=60, jitter=0),
)
def moody(who: str) -> str:
    begun.append((who, held("moody desk")))
    if len(begun) < 2:
        raise Transient("not now")
    return who


def first_letter(who: str) -> str:
    return who[0]


@step(concurrency=(Limit(1, by=first_letter, name="a letter each"), Limit(2, name="two chairs")))
def sit(who: str) -> str:
    begun.append((who, held("a letter each"), held("two chairs")))
    return who


@workflow("limits.sit")
def seated(run: Context, who: str) -> str:
    return run.step(sit, who)


@workflow("limits.desk")
def desk(run: Context, who: str) -> str:
    return run.step(at_the_desk, who)


@workflow("limits.bell")
def bell(run: Context, who: str) -> str:
    return run.step(ring, who)


@workflow("limits.moody")
def moody_desk(run: Context, who: str) -> str:
    return run.step(moody, who)


@workflow("limits.gathered")
def gathered(run: Context) -> list[str]:
    return run.gather(*[run.call(at_the_desk, who) for who in ("ann", "bob", "cleo")])


@workflow("limits.bells")
def bells(run: Context) -> list[str]:
    return run.gather(*[run.call(ring, who) for who in ("ann", "bob", "cleo")])


def first_of(shop: str, day: date) -> str:
    return f"{shop[0]} {day.year}"


@workflow("limits.by_first", concurrency=Limit(1, by=first_of, name="a shop each"))
def by_first(run: Context, shop: str, day: date = date(2026, 11, 22)) -> None:
    run.wait_event("go")


@step(concurrency=Limit(1, by=first_letter, name="a letter"))
def write_to(who: str) -> None: ...


@workflow("limits.letter")
def letter(run: Context, who: str) -> str:
    try:
        run.step(write_to, who)
    except Exception:
        return "swallowed"
    return "written"


def send_back(output: str, what: str) -> None:
    begun.append(f"{what} sent back")


@step(compensate=send_back)
def sell(what: str) -> str:
    return what


def key_of_the_day(what: str) -> str:
    return {"Monday": what}["Monday" if not begun else "Tuesday"]


@workflow("limits.sale", concurrency=Limit(1, by=key_of_the_day), on_cancel="compensate")
def sale(run: Context, what: str) -> None:
    run.step(sell, what)
    run.wait_event("go")


@pytest.fixture(autouse=True)
def nothing_begun() -> None:
    begun.clear()


def states(runs: list[RunView]) -> list[str]:
    return [get_run(run.id).state.value for run in runs]


def occupy(name: str, *, number: int = 1, key: str = "") -> LimitSlot:
    """Let somebody else hold a slot."""
    return LimitSlot.objects.create(
        name=name, key=key, number=number, most=1, run_id=UUID(int=7), position=1, attempt=1
    )


def vacate(slot: LimitSlot) -> None:
    """Let them go, as the end of a drive does."""
    query(Statement("SELECT workflows_leave_limits(%s, 1, 1, clock_timestamp())"), [slot.run_id])


def test_runs_of_a_workflow_go_up_to_its_limit_and_the_others_say_what_they_wait_for() -> None:
    runs = [start(guarded) for _ in range(3)]

    drive_until_idle()

    third = get_run(runs[2].id)
    assert held("guarded runs") == 2
    assert third.waiting_for == ("limit guarded runs: 2 of 2",)
    assert (third.state, third.wake_at) == (RunState.WAITING, None)
    assert Run.objects.get(pk=third.id).lease_until is None


def test_a_slot_is_held_through_waits_and_each_end_wakes_one_who_waits() -> None:
    runs = [start(guarded) for _ in range(4)]
    drive_until_idle()

    send(runs[0].id, "go")

    assert states(runs[:1]) == ["completed"]
    assert held("guarded runs") == 2
    assert LimitWait.objects.count() == 1
    assert get_run(runs[2].id).waiting_for == ("go",)
    for run in runs[1:]:
        send(run.id, "go")
    assert states(runs) == ["completed"] * 4
    assert held("guarded runs") == LimitWait.objects.count() == 0


def test_a_cancelled_run_frees_its_slot_and_one_that_waits_leaves_the_queue() -> None:
    runs = [start(guarded) for _ in range(4)]
    drive_until_idle()

    cancel(runs[2].id)
    cancel(runs[0].id)
    drive_until_idle()

    assert get_run(runs[3].id).waiting_for == ("go",)
    assert LimitWait.objects.count() == 0


def test_each_tenant_has_slots_of_its_own() -> None:
    anns, bobs = [start(by_tenant, tenant="ann") for _ in range(2)], start(by_tenant, tenant="bob")

    drive_until_idle()

    assert get_run(bobs.id).waiting_for == get_run(anns[0].id).waiting_for == ("go",)
    assert get_run(anns[1].id).waiting_for == ("limit limits.by_tenant (ann): 1 of 1",)


def test_slots_go_by_an_argument_its_default_included() -> None:
    first, second, other = start(by_shop), start(by_shop, shop="Ghent"), start(by_shop, shop="Lier")

    drive_until_idle()

    assert get_run(first.id).waiting_for == get_run(other.id).waiting_for == ("go",)
    assert get_run(second.id).waiting_for == ("limit limits.by_shop (Ghent): 1 of 1",)


def test_a_function_is_given_defaults_that_stay_with_the_code_too() -> None:
    first, second = start(by_first, shop="Ghent"), start(by_first, "Genk", date(2026, 1, 1))

    drive_until_idle()

    assert get_run(first.id).waiting_for == ("go",)
    assert get_run(second.id).waiting_for == ("limit a shop each (G 2026): 1 of 1",)


@pytest.mark.parametrize(("code", "name"), [(by_first, "a shop each"), (letter, "a letter")])
def test_a_function_that_raises_blocks_the_run_and_names_the_limit(code: Any, name: str) -> None:
    run = start(code, "")

    drive_until_idle()

    told = f"limit '{name}': its by= function raised IndexError: string index out of range"
    assert (get_run(run.id).error or {})["message"] == told
    assert get_run(run.id).state == RunState.BLOCKED
    assert get_run(run.id).crashes == 0


def test_a_function_that_raises_while_the_run_is_undone_stops_that_until_it_is_mended() -> None:
    run = start(sale, "bread")
    drive_until_idle()
    begun.append("Tuesday")
    cancel(run.id)

    drive_until_idle()
    found = get_run(run.id)
    begun.clear()
    compensate(run.id)
    drive_until_idle()

    assert found.state == RunState.FAILED
    assert "its by= function raised KeyError" in (found.compensation_error or {})["message"]
    assert begun == ["bread sent back"]
    assert get_run(run.id).state == RunState.COMPENSATED


def test_a_run_whose_input_no_longer_fits_is_blocked_before_its_slot() -> None:
    run = start(by_shop, shop="Ghent")
    Run.objects.filter(pk=run.id).update(input={"store": "Ghent"})

    drive_until_idle()

    assert get_run(run.id).state == RunState.BLOCKED
    assert "its input no longer fits 'limits.by_shop'" in (get_run(run.id).error or {})["message"]


def test_a_step_holds_its_slot_while_it_runs_and_no_longer() -> None:
    runs = [start(desk, who=who) for who in ("ann", "bob")]

    drive_until_idle()

    assert begun == [("ann", 1), ("bob", 1)]
    assert states(runs) == ["completed"] * 2
    assert held("one desk") == 0


def test_a_step_that_finds_no_slot_parks_its_run_and_goes_on_when_there_is_one() -> None:
    slot = occupy("one desk")
    run = start(desk, who="ann")

    drive_until_idle()
    assert get_run(run.id).waiting_for == ("limit one desk: 1 of 1",)
    vacate(slot)
    drive_until_idle()

    assert begun == [("ann", 1)]
    assert get_run(run.id).state == RunState.COMPLETED


def test_a_step_takes_all_its_slots_or_none() -> None:
    chairs = [occupy("two chairs", number=number) for number in (1, 2)]
    letter = occupy("a letter each", key="b")
    anns, bobs = start(seated, who="ann"), start(seated, who="bob")

    drive_until_idle()
    assert get_run(anns.id).waiting_for == ("limit two chairs: 2 of 2",)
    assert get_run(bobs.id).waiting_for == ("limit a letter each (b): 1 of 1",)
    assert held("a letter each") == 1
    vacate(chairs[0])
    drive_until_idle()
    assert (
        letter.run_id == chairs[0].run_id
    )  # all that is occupied is one attempt's, and goes at once
    assert begun == [("ann", 1, 1), ("bob", 1, 1)]
    assert states([anns, bobs]) == ["completed"] * 2


def test_whoever_comes_later_does_not_pass_those_who_wait() -> None:
    slot = occupy("one desk")
    first = start(desk, who="ann")
    drive_until_idle()
    start(desk, who="bob", priority=0)
    vacate(slot)
    Run.objects.filter(pk=first.id).update(wake_at=None)  # it is slow to come

    drive_until_idle()
    assert begun == []
    Run.objects.filter(pk=first.id).update(wake_at=first.created_at)
    drive_until_idle()

    assert [who for who, _ in begun] == ["ann", "bob"]


def test_between_two_attempts_a_step_holds_no_slot() -> None:
    run = start(moody_desk, who="ann")

    drive_until_idle()
    assert held("moody desk") == 0
    advance(61)

    assert begun == [("ann", 1), ("ann", 1)]
    assert get_run(run.id).state == RunState.COMPLETED


def test_a_rate_spaces_the_attempts() -> None:
    runs = [start(bell, who=who) for who in ("ann", "bob", "cleo")]

    drive_until_idle()
    assert begun == ["ann"]
    waits = [get_run(run.id) for run in runs[1:]]
    assert all(run.waiting_for[0].startswith("limit slow bell: next at ") for run in waits)
    advance(9)
    assert begun == ["ann"]
    advance(2)
    assert begun == ["ann", "bob"]
    advance(10)

    assert begun == ["ann", "bob", "cleo"]
    assert states(runs) == ["completed"] * 3
    assert LimitMoment.objects.count() == 0


def test_steps_of_a_gather_go_one_after_the_other_where_their_limit_says_so() -> None:
    run = start(gathered)

    drive_until_idle()

    assert begun == [("ann", 1), ("bob", 1), ("cleo", 1)]
    assert get_run(run.id).output == ["ann", "bob", "cleo"]
    assert held("one desk") == 0


def test_a_gather_whose_limit_others_hold_parks_and_goes_on() -> None:
    slot = occupy("one desk")
    run = start(gathered)
    drive_until_idle()
    assert get_run(run.id).waiting_for == ("limit one desk: 1 of 1",)

    vacate(slot)
    drive_until_idle()

    assert get_run(run.id).output == ["ann", "bob", "cleo"]


def test_a_gather_keeps_a_rate() -> None:
    run = start(bells)

    drive_until_idle()
    assert begun == ["ann"]
    advance(25)

    assert begun == ["ann", "bob", "cleo"]
    assert get_run(run.id).state == RunState.COMPLETED


def test_a_deadline_ends_who_waits_for_a_slot() -> None:
    occupy("one desk")
    waits = start(desk, who="ann", deadline_seconds=60)
    for _ in range(2):
        start(guarded)
    waits_for_run = start(guarded, deadline_seconds=60)

    advance(61)

    assert states([waits, waits_for_run]) == ["failed", "failed"]
    assert begun == []


def test_a_lost_workers_slots_are_free_and_a_zombie_frees_nothing() -> None:
    run = start(desk, who="ann")
    claimed = claim()
    slot = occupy("one desk")
    LimitSlot.objects.filter(pk=slot.pk).update(run_id=run.id, attempt=claimed.attempt + 1)

    query(
        Statement("SELECT workflows_leave_limits(%s, %s, 1, clock_timestamp())"),
        [run.id, claimed.attempt],
    )

    assert held("one desk") == 1
    Run.objects.filter(pk=run.id).update(limited=True)
    Run.objects.filter(pk=run.id).update(state="pending", lease_until=None)
    assert held("one desk") == 0


def test_a_run_without_limits_sends_nothing_for_them() -> None:
    sent: list[str] = []

    def note(send: Any, statement: Any, params: Any, on: Any) -> Any:
        sent.append(statement.text)
        return send(statement, params, on)

    start(greet_once, name="ann")
    with intercepted(note):
        drive_until_idle()

    assert not [sql for sql in sent if "limit" in sql.lower().replace("limit 1", "")]
    assert not Run.objects.filter(limited=True).exists()


def test_killed_anywhere_limited_runs_end_the_same_and_leave_no_slot() -> None:
    def play() -> None:
        for number in range(3):
            start(guarded, key=str(number))
        start(gathered)
        start(desk, who="dora")
        drive_until_idle()
        for run in Run.objects.filter(workflow="limits.guarded").order_by("key"):
            send(run.pk, "go")
        advance(30)

    def left() -> tuple[int, int, int]:
        drive_until_idle()
        held = LimitSlot.objects.filter(run_id__isnull=False).count()
        return held, LimitWait.objects.count(), LimitMoment.objects.count()

    crash_everywhere(play, observe=left)


def test_killed_anywhere_a_rate_is_kept_by_runs_that_end_the_same() -> None:
    def play() -> None:
        for who in ("ann", "bob"):
            start(bell, who=who)
        drive_until_idle()
        advance(timedelta(minutes=5))

    crash_everywhere(play, observe=lambda: LimitMoment.objects.count())
