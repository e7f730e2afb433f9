"""Slots and moments are taken all or none, and never by more than there are."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connections
from django.db.models.functions import Now

from workflows.core.limit import Limit, Rate, Wanted
from workflows.core.run import ClaimedRun
from workflows.models import LimitRate, LimitSlot, LimitWait, Run
from workflows.store import limits
from workflows.store.limits import Full, Later, Lost, Taken
from workflows.store.queue import Code, release_run
from workflows.store.workers import enlist
from workflows.tests.builders import PATIENCE_SECONDS, claim, connected

DESK = Wanted(name="desk", key="", rule=Limit(2))
BELL = Wanted(name="bell", key="", rule=Rate(1, 60))


def made() -> ClaimedRun:
    Run.objects.create(workflow="tests.made", version=1, wake_at=Now())
    return claim()


def take(run: ClaimedRun, *, parks: bool = False, rate: Wanted | None = None) -> limits.Answer:
    return limits.take(run, 1, slots=[DESK], rate=rate, parks=parks)


def held() -> int:
    return LimitSlot.objects.filter(run_id__isnull=False).count()


@pytest.mark.django_db
def test_as_many_as_there_are_slots_and_no_more() -> None:
    answers = [take(made()) for _ in range(3)]

    assert answers == [Taken(), Taken(), Full("limit desk: 2 of 2")]


@pytest.mark.django_db
def test_taken_twice_by_the_same_attempt_is_taken_once() -> None:
    run = made()

    assert [take(run), take(run)] == [Taken(), Taken()]
    assert held() == 1


@pytest.mark.django_db
def test_whoever_has_lost_the_run_takes_and_frees_nothing() -> None:
    run = made()
    take(run)
    assert release_run(run)
    assert held() == 0

    again = claim()
    take(again)

    assert take(run) == Lost()
    limits.leave(run, 1)
    assert held() == 1


@pytest.mark.django_db
def test_with_a_rate_that_has_no_moment_now_no_slot_is_held() -> None:
    answers = [take(made(), rate=BELL) for _ in range(2)]

    assert answers[0] == Taken()
    assert isinstance(answers[1], Later)
    assert held() == 1


@pytest.mark.django_db
def test_who_waits_is_woken_where_nobody_saw_it_wait() -> None:
    holders = [made(), made()]
    for each in holders:
        take(each)
    waits = made()
    take(waits, parks=True)
    LimitSlot.objects.filter(run_id=holders[0].id).update(
        run_id=None
    )  # as by a freeing that missed it

    limits.wake_waiters()

    assert Run.objects.get(pk=waits.id).wake_at is not None
    assert LimitWait.objects.get().woken_at is not None


def parked(times: int) -> list[ClaimedRun]:
    runs = [made() for _ in range(times)]
    for each in runs:
        assert isinstance(take(each, parks=True), Full)
    return runs


def woken() -> set[UUID]:
    return set(LimitWait.objects.filter(woken_at__isnull=False).values_list("run_id", flat=True))


@pytest.mark.django_db
def test_who_is_woken_and_does_not_come_is_passed_over_by_all_others() -> None:
    holders = [made(), made()]
    for each in holders:
        take(each)
    absent, *others = parked(3)
    LimitWait.objects.filter(run_id=absent.id).update(priority=9)
    limits.leave(holders[0], 1)
    assert woken() == {absent.id}

    for expected in ({absent.id, others[0].id}, {absent.id, others[0].id, others[1].id}):
        LimitWait.objects.filter(woken_at__isnull=False).update(
            woken_at=Now() - timedelta(minutes=1)
        )
        limits.wake_waiters()
        assert woken() == expected


@pytest.mark.django_db
def test_those_who_cannot_come_now_do_not_hide_who_can() -> None:
    holders = [made(), made()]
    for each in holders:
        take(each)
    aside = parked(120)
    Run.objects.filter(pk__in=[each.id for each in aside]).update(state="paused")
    [waits] = parked(1)

    limits.leave(holders[0], 1)

    assert woken() == {waits.id}


@pytest.mark.django_db
def test_a_run_that_turns_to_undoing_waits_for_nothing_of_before() -> None:
    for each in [made(), made()]:
        take(each)
    [waits] = parked(1)

    Run.objects.filter(pk=waits.id).update(state="compensating")

    assert LimitWait.objects.count() == 0


@pytest.mark.django_db
def test_a_run_that_has_come_to_wait_for_something_else_leaves_the_queue() -> None:
    for each in [made(), made()]:
        take(each)
    [waits] = parked(1)
    Run.objects.filter(pk=waits.id).update(waiting_for=["go"])

    limits.wake_waiters()

    assert LimitWait.objects.count() == 0


@pytest.mark.django_db
def test_keys_that_nobody_asks_for_are_forgotten_and_held_slots_are_not() -> None:
    take(made(), rate=BELL)
    long_ago = Now() - timedelta(seconds=2 * limits.IDLE_SECONDS)
    LimitSlot.objects.update(changed_at=long_ago)
    LimitRate.objects.update(next_at=long_ago)

    limits.forget_idle()

    assert LimitSlot.objects.count() == held() == 1
    assert LimitRate.objects.count() == 0


@pytest.mark.usefixtures("committed")
def test_of_many_at_the_same_moment_no_more_than_the_limit_are_granted() -> None:
    runs = [made() for _ in range(12)]

    def ask(run: ClaimedRun) -> limits.Answer:
        try:
            return take(run, parks=True)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(ask, runs, timeout=PATIENCE_SECONDS))

    granted = sum(isinstance(each, Taken) for each in answers)
    assert 1 <= granted <= 2
    assert held() == granted
    assert LimitWait.objects.count() == 12 - granted


def waits(tenant: str) -> str:
    Run.objects.create(workflow="tests.made", version=1, wake_at=Now(), tenant=tenant)
    run = claim()
    assert isinstance(take(run, parks=True), Full)
    return tenant


@pytest.mark.django_db
def test_tenants_take_turns_among_those_who_wait() -> None:
    holders = [made(), made()]
    for each in holders:
        take(each)
    for tenant in ("ann", "ann", "ann", "bob", "cleo", "bob"):
        waits(tenant)

    assert served(holders, 3) == ["ann", "bob", "cleo"]
    waits("dora")

    assert served(holders, 4) == ["ann", "bob", "dora", "ann"]


def served(holders: list[ClaimedRun], times: int) -> list[str]:
    """Let so many, one by one, have a slot and be done with it; return whose they were."""
    found = []
    for _ in range(times):
        limits.leave(holders.pop(0), 1)
        run = claim()
        assert take(run) == Taken()
        holders.append(run)
        found.append(run.tenant)
    return found


@pytest.mark.usefixtures("committed")
def test_a_share_is_of_the_slots_of_workers_that_live_and_have_the_code() -> None:
    half = Wanted(name="half", key="", rule=Limit(share=0.5))

    def granted(times: int) -> list[str]:
        answers = [
            limits.take(made(), 1, slots=[half], rate=None, parks=False) for _ in range(times)
        ]
        return [getattr(each, "words", "taken") for each in answers]

    assert granted(2) == ["taken", "limit half: 1 of 1"]  # nobody lives: one at least
    with connected() as own:
        enlist(own, host="here", pid=1, slots=5)
        enlist(own, host="here", pid=2, slots=90, code=Code(["tests.other"], [1]))
        assert granted(2) == ["taken", "limit half: 2 of 2"]
        enlist(own, host="there", pid=1, slots=2, code=Code(["tests.made"], [1]))
        assert granted(2) == ["taken", "limit half: 3 of 3"]
        limits.set_rule("half", Limit(4))
        assert granted(2) == ["taken", "limit half: 4 of 4"]
