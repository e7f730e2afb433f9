"""Verbs on many runs: counted first, in batches, safe while runs move, and begun again after a death."""

from typing import Any
from unittest import mock

import pytest
from django.db import OperationalError, transaction

from workflows.api import (
    Context,
    HistoryKind,
    InvalidInput,
    KeyConflict,
    RunFilter,
    RunState,
    cancel,
    get_history,
    get_run,
    list_runs,
    start,
    start_many,
    steer_runs,
    step,
    workflow,
)
from workflows.engine.requests import steer_runs as bulk
from workflows.models import Run
from workflows.testing import crash_everywhere, drive_until_idle
from workflows.tests.builders import driven
from workflows.tests.engine.forms import doubled
from workflows.tests.flows import ONCE, wait_for_go
from workflows.tests.old_runs import chain


@workflow("bulk.mistaken")
def mistaken(run: Context, number: int) -> int:
    numbers: dict[int, int] = {}
    return numbers[number]


colours: list[str] = []


@step(retry=ONCE)
def paint() -> str:
    if not colours:
        raise ValueError("no colour")
    return colours[0]


@workflow("bulk.paints")
def paint_all(run: Context, number: int) -> str:
    return run.step(paint)


def started(count: int) -> list[Any]:
    runs = [start(wait_for_go) for _ in range(count)]
    drive_until_idle()
    return runs


def states() -> list[str]:
    return sorted(Run.objects.values_list("state", flat=True))


@pytest.mark.django_db
def test_a_dry_run_counts_exactly_and_does_nothing() -> None:
    started(3)
    start(doubled, 7)

    told = steer_runs("cancel", workflow=wait_for_go, state="waiting", dry_run=True)

    assert (told.matched, told.done, told.refused, told.moved_on) == (3, 0, 0, 0)
    assert states() == ["pending", "waiting", "waiting", "waiting"]


@pytest.mark.django_db
def test_all_that_match_are_steered_in_batches_and_told_by_whom() -> None:
    runs = started(5)

    with mock.patch.object(bulk, "BATCH", 2):
        told = steer_runs("cancel", state="waiting", by="ann", reason="closed")

    assert (told.matched, told.done, told.refused, told.moved_on) == (5, 5, 0, 0)
    assert states() == ["cancelled"] * 5
    [asked] = [
        line for line in get_history(runs[0].id) if line.kind == HistoryKind.CANCEL_REQUESTED
    ]
    assert (asked.data["by"], asked.data["reason"]) == ("ann", "closed")


@pytest.mark.django_db
def test_all_that_wait_are_paused_and_resumed() -> None:
    started(2)

    paused = steer_runs("pause", workflow=wait_for_go, state="waiting")
    between = states()
    resumed = steer_runs("resume", state="paused")

    assert (paused.done, resumed.done, between) == (2, 2, ["paused"] * 2)
    assert states() == ["waiting"] * 2


@pytest.mark.django_db
def test_a_filter_that_fits_a_chain_s_older_run_does_not_reach_its_newest() -> None:
    first = start(chain, hops=2, waits=True)
    drive_until_idle()
    assert get_run(first.id).state == RunState.COMPLETED

    steered = steer_runs("cancel", workflow=chain, state="completed")

    assert (steered.matched, steered.done) == (0, 0)
    assert not get_run(first.id, newest=True).is_over


@pytest.mark.django_db
def test_whoever_watches_is_told_after_each_batch() -> None:
    for _ in range(3):
        driven(wait_for_go)
    far: list[int] = []

    with mock.patch.object(bulk, "BATCH", 2):
        steer_runs("pause", state="waiting", progress=lambda each: far.append(each.done))

    assert far == [2, 3]


@pytest.mark.django_db
def test_a_limit_takes_the_oldest() -> None:
    runs = started(3)

    told = steer_runs("cancel", state="waiting", limit=2)

    assert (told.matched, told.done) == (3, 2)
    assert get_run(runs[2].id).state == RunState.WAITING


@pytest.mark.django_db
def test_what_their_state_refuses_is_counted() -> None:
    started(2)
    driven(doubled, number=7, seconds=3600)
    cancel(list_runs(workflow=doubled)[0].id)

    told = steer_runs("cancel", state=list(RunState))

    assert (told.matched, told.done, told.refused) == (3, 2, 1)


@pytest.mark.django_db
def test_runs_that_move_meanwhile_are_counted_as_such() -> None:
    runs = started(4)
    verb = bulk.VERBS["cancel"]

    def another_is_quicker(run_id: Any, **words: Any) -> bool:
        cancel(runs[1].id)
        cancel(runs[3].id)
        start(wait_for_go)
        drive_until_idle()
        return verb(run_id, **words)

    with (
        mock.patch.dict(bulk.VERBS, {"cancel": another_is_quicker}),
        mock.patch.object(bulk, "BATCH", 2),
    ):
        told = steer_runs("cancel", workflow=wait_for_go, state="waiting")

    assert (told.matched, told.done, told.refused, told.moved_on) == (4, 2, 0, 2)
    assert states().count("waiting") == 2


@pytest.mark.usefixtures("committed")
def test_killed_in_the_middle_it_goes_on_where_it_was() -> None:
    started(6)
    verb, killed_at = bulk.VERBS["cancel"], iter(range(6))

    def dies(run_id: Any, **words: Any) -> bool:
        if next(killed_at) == 3:
            raise SystemExit
        return verb(run_id, **words)

    with mock.patch.dict(bulk.VERBS, {"cancel": dies}), pytest.raises(SystemExit):
        steer_runs("cancel", state="waiting")
    before = states()
    told = steer_runs("cancel", state="waiting")

    assert before.count("cancelled") == 3
    assert (told.matched, told.done) == (3, 3)
    for run in list_runs():
        kinds = [line.kind for line in get_history(run.id)]
        assert kinds.count(HistoryKind.RUN_CANCELLED) == 1


@pytest.mark.django_db
def test_blocked_runs_of_a_mistake_are_found_counted_and_retried() -> None:
    for each in range(3):
        start(mistaken, each)
    drive_until_idle()
    wanted: Any = {"workflow": mistaken, "state": "blocked", "error": "keyerror"}

    counted = steer_runs("retry_now", **wanted, dry_run=True).matched
    told = steer_runs("retry_now", **wanted, by="ann")

    assert (counted, told.done) == (3, 3)
    assert states() == ["pending"] * 3


@pytest.mark.usefixtures("committed")
def test_fifty_failed_runs_are_counted_mended_and_retried_with_a_kill_midway() -> None:
    colours.clear()
    start_many(paint_all, [{"number": each} for each in range(50)])
    drive_until_idle()
    wanted: RunFilter = {"workflow": paint_all, "state": "failed", "error": "no colour"}
    retry_one, calls = bulk.VERBS["retry"], iter(range(50))

    def dies(run_id: Any, **words: Any) -> bool:
        if next(calls) == 20:
            raise SystemExit
        return retry_one(run_id, **words)

    counted = steer_runs("retry", **wanted, dry_run=True).matched
    colours.append("blue")
    with mock.patch.dict(bulk.VERBS, {"retry": dies}), pytest.raises(SystemExit):
        steer_runs("retry", **wanted, by="ann")
    rest = steer_runs("retry", **wanted, by="ann")
    drive_until_idle()

    assert (counted, rest.matched, rest.done) == (50, 30, 30)
    assert states() == ["completed"] * 50
    assert {run.retries for run in list_runs()} == {1}


@pytest.mark.usefixtures("committed")
def test_refusals_and_locks_that_were_not_had_are_reasons_and_no_errors() -> None:
    started(3)
    answers: Any = iter(
        [KeyConflict("its subject is taken"), OperationalError("deadlock\ndetail"), True]
    )

    def verb(run_id: Any, **words: Any) -> bool:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return bool(answer)

    with mock.patch.dict(bulk.VERBS, {"cancel": verb}):
        told = steer_runs("cancel", state="waiting")

    assert (told.done, told.refused) == (1, 2)
    assert told.reasons == {"its subject is taken": 1, "deadlock": 1}


@pytest.mark.usefixtures("committed")
def test_inside_a_transaction_all_of_it_is_lost_with_that() -> None:
    started(2)

    with transaction.atomic():
        told = steer_runs("cancel", state="waiting")
        transaction.set_rollback(True)

    assert told.done == 2
    assert states() == ["waiting"] * 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("verb", "filter", "why"),
    [
        ("explode", {"state": "failed"}, 'give "cancel" or "compensate" or "pause" or "resume"'),
        ("cancel", {}, "says of no run"),
        ("cancel", {"state": None}, "says of no run"),
        ("cancel", {"tags": []}, "says of no run"),
        ("cancel", {"attributes": {}, "tags": ()}, "says of no run"),
        ("cancel", {"state": "waiting", "limit": -1}, "limit is -1; give a whole number from 0"),
        ("cancel", {"state": "waiting", "limit": 1.5}, "limit is 1.5; give a whole number from 0"),
        ("cancel", {"stat": "failed"}, "did you mean 'state'"),
    ],
)
def test_what_cannot_be_is_refused(verb: str, filter: Any, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        steer_runs(verb, **filter)


@pytest.mark.django_db
def test_killed_anywhere_many_cancelled_runs_end_the_same() -> None:
    def play() -> None:
        started(2)
        steer_runs("cancel", workflow=wait_for_go, state=["waiting", "pending", "running"])

    assert crash_everywhere(play).boundaries > 3
