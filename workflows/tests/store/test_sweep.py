"""The sweep gives back the runs of the dead, and of nobody else."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest
from django.db import connections, transaction
from django.db.models.functions import Now

from workflows.api import get_history, get_run, list_runs
from workflows.core.history import HistoryKind
from workflows.core.run import ClaimedRun, Fact, Park
from workflows.core.running_steps import HeldRun, StepSeen
from workflows.core.states import RunState
from workflows.models import History, Run, Worker
from workflows.store.database import Connection
from workflows.store.heartbeats import beat
from workflows.store.history import append
from workflows.store.parking import park_run
from workflows.store.queue import release_run
from workflows.store.runs import begin_compensation
from workflows.store.schema import PUBLIC_LOCK_CLASS
from workflows.store.steering import cancel_run, wake_run
from workflows.store.sweep import CLUSTER_ENDED, STEP_OVERRAN, Told, sweep
from workflows.store.workers import (
    count_living,
    forget_the_dead,
    missing_workers,
    renew_leases,
)
from workflows.tests.builders import (
    PATIENCE_SECONDS,
    claim,
    connected,
    elsewhere,
    expire_lease,
    kinds,
    row,
    swept,
    until,
)
from workflows.tests.store.family_rows import child_of
from workflows.tests.store.worker_rows import dead_worker, held_by, living_worker

pytestmark = pytest.mark.usefixtures("committed")

WHERE = ", on host here, pid 1"
"""Of the builders' workers, where no step of theirs is known."""


def state_of(run: ClaimedRun) -> str:
    return str(row(run.id)["state"])


def crash(run: ClaimedRun, *, max_crashes: int = 5) -> RunState:
    """Let the worker of a run be lost; return the state the sweep gave it."""
    expire_lease(run.id)
    [(run_id, _, state)] = swept(max_crashes=max_crashes)
    assert run_id == run.id
    return state


def test_the_run_of_a_dead_worker_goes_back_to_the_queue() -> None:
    worker_id = dead_worker()
    run = held_by(worker_id)

    found = swept()

    assert found == [(run.id, "tests.greet", RunState.PENDING)]
    stored = row(run.id)
    assert (stored["crashes"], stored["worker_id"], stored["lease_until"]) == (1, None, None)
    [line] = get_history(run.id)
    assert line.kind == HistoryKind.RECOVERED
    reason = f"it showed no more that it lives{WHERE}"
    assert line.data == {"crashes": 1, "worker": worker_id, "reason": reason}
    assert claim().attempt == run.attempt + 1


def test_a_process_that_was_seen_dead_is_told() -> None:
    worker_id = dead_worker()
    run = held_by(worker_id)

    with connected() as own:
        sweep(own, max_crashes=5, dead=[worker_id])

    assert get_history(run.id)[0].data["reason"] == f"its process died{WHERE}"


def seen_in(run: ClaimedRun, *, attempt: int = 1, overran: str | None = None) -> HeldRun:
    """Return what the cluster of its worker tells of a run."""
    step = StepSeen(
        name="greet", position=1, attempt=attempt, undo=False, age_seconds=5, overran=overran,
        host="here", pid=7,
    )  # fmt: skip
    return HeldRun(run.id, run.attempt, (step,))


def test_what_a_cluster_tells_names_the_step_of_the_lost_worker() -> None:
    worker_id = dead_worker()
    run = held_by(worker_id)

    with connected() as own:
        sweep(own, max_crashes=5, dead=[worker_id], told=[Told(seen_in(run), None)])

    data = get_history(run.id)[0].data
    [step] = data["steps"]
    assert (step["name"], step["pid"], step["overran"]) == ("greet", 7, None)
    begins = "its process died, in step 'greet' (position 1, attempt 1, begun "
    assert data["reason"].startswith(begins)
    assert data["crashes"] == 1


@pytest.mark.parametrize("cause", [CLUSTER_ENDED, STEP_OVERRAN])
def test_a_worker_that_was_ended_for_no_fault_of_its_run_counts_no_crash(cause: str) -> None:
    worker_id = dead_worker()
    run = held_by(worker_id)
    told = Told(HeldRun(run.id, run.attempt), cause)

    with connected() as own:
        [judged] = sweep(own, max_crashes=1, dead=[worker_id], told=[told])

    assert judged.state == RunState.PENDING
    reason = {"crashes": 0, "worker": worker_id, "reason": f"{cause}{WHERE}"}
    assert get_history(run.id)[0].data == reason


def test_what_was_told_of_an_earlier_attempt_is_not_believed() -> None:
    zombie = held_by(None)
    crash(zombie)
    run = claim()
    expire_lease(run.id)

    with connected() as own:
        sweep(own, max_crashes=1, told=[Told(seen_in(zombie), CLUSTER_ENDED)])

    assert row(run.id)["state"] == "blocked"
    assert "steps" not in get_history(run.id)[-1].data


def test_where_nobody_tells_the_row_names_the_step_that_was_shown_last() -> None:
    run = held_by(None)
    with connected() as own:
        renew_leases(own, [seen_in(run)], lease_seconds=60)
    expire_lease(run.id)

    with connected() as own:
        sweep(own, max_crashes=1)

    blocked = get_history(run.id)[0]
    assert blocked.kind == HistoryKind.BLOCKED
    assert [step["name"] for step in blocked.data["steps"]] == ["greet"]
    assert row(run.id)["error"] == blocked.data["error"]
    assert (
        "because its lease ran out, in step 'greet' (position 1" in row(run.id)["error"]["message"]
    )


def test_only_the_runs_of_those_who_are_gone_are_taken() -> None:
    missed, missed_twice = dead_worker(), dead_worker()
    spared, taken, expired = held_by(missed), held_by(missed_twice), held_by(missed)
    expire_lease(expired.id)

    with connected() as own:
        missing = {worker.id for worker in missing_workers(own)}
        judged = sweep(own, max_crashes=5, gone=[missed_twice])

    assert missing == {missed, missed_twice}
    assert {run.id for run in judged} == {taken.id, expired.id}
    assert state_of(spared) == "running"


def test_a_worker_whose_connection_was_cut_counts_no_crash() -> None:
    run = held_by(dead_worker())

    with living_worker():  # the same process, under its new id
        assert [state for _, _, state in swept(max_crashes=1)] == [RunState.PENDING]

    [line] = get_history(run.id)
    assert (line.data["crashes"], line.data["reason"]) == (
        0,
        f"its worker lives on without it{WHERE}",
    )


def test_who_holds_a_run_that_nobody_can_take_yet_is_not_forgotten() -> None:
    run = held_by(dead_worker())
    Worker.objects.update(started_at=Now() - timedelta(hours=1))

    with living_worker(), connected() as own:
        with transaction.atomic():
            Run.objects.select_for_update().get(pk=run.id)
            kept = (swept(max_crashes=1), forget_the_dead(own))
        judged = swept(max_crashes=1)
        forgotten = forget_the_dead(own)

    assert kept == ([], [])
    assert [state for _, _, state in judged] == [RunState.PENDING]
    assert row(run.id)["crashes"] == 0  # what explains the loss stands on the worker's row
    assert len(forgotten) == 1


def test_a_worker_that_let_go_of_a_run_counts_no_crash_though_its_lease_ran_out() -> None:
    run = held_by(dead_worker())
    expire_lease(run.id)

    with living_worker():  # it could not give the run back: others held the row, for long
        assert [state for _, _, state in swept(max_crashes=1)] == [RunState.PENDING]

    assert row(run.id)["crashes"] == 0


def test_recoveries_of_a_run_that_makes_no_progress_back_off() -> None:
    run, pauses = held_by(None), []
    for _ in range(4):
        expire_lease(run.id)
        with connected() as own:
            sweep(own, max_crashes=9)
        pauses.append(pause_of(run))
        Run.objects.filter(pk=run.id).update(wake_at=Now())
        run = claim()
    append(run, Fact(kind=HistoryKind.STEP_COMPLETED, position=1, name="greet"))
    expire_lease(run.id)
    with connected() as own:
        sweep(own, max_crashes=9)

    assert pauses == [0, 1, 2, 4]
    assert pause_of(run) == 0


def crashed(times: int) -> ClaimedRun:
    """Return a run that has lost so many workers, and is held once more."""
    run = held_by(None)
    for _ in range(times):
        crash(run, max_crashes=9)
        run = claim()
    return run


def pause_after_a_crash(run: ClaimedRun) -> int:
    expire_lease(run.id)
    with connected() as own:
        sweep(own, max_crashes=9)
    return pause_of(run)


def test_heartbeats_that_have_grown_end_the_pauses() -> None:
    run = crashed(3)
    beat(
        run_id=run.id, attempt=run.attempt, position=1, details="7", lease_seconds=60,
        grew=run.attempt,
    )  # fmt: skip

    assert pause_after_a_crash(run) == 0


def test_an_operator_who_retries_a_run_ends_the_pauses() -> None:
    run = crashed(3)
    assert crash(run, max_crashes=4) == RunState.BLOCKED
    wake_run(run.id, by="alice")

    assert pause_after_a_crash(claim()) == 0


def test_a_worker_older_than_the_server_counts_no_crash() -> None:
    worker_id = dead_worker()
    run = held_by(worker_id)
    Worker.objects.filter(pk=worker_id).update(started_at=Now() - timedelta(days=3650))

    assert [state for _, _, state in swept(max_crashes=1)] == [RunState.PENDING]

    data = get_history(run.id)[0].data
    assert data["crashes"] == 0
    assert data["reason"].startswith("the database was started again")


def test_a_worker_that_was_cut_together_with_the_pusher_counts_no_crash() -> None:
    worker_id = dead_worker()
    run = held_by(worker_id)

    with connected() as own:
        [judged] = sweep(own, max_crashes=1, cut=[worker_id])

    assert (judged.state, judged.lost_worker) == (RunState.PENDING, None)
    data = get_history(run.id)[0].data
    assert data["crashes"] == 0
    assert data["reason"].startswith("all sessions were cut at the same moment")


def pause_of(run: ClaimedRun) -> int:
    """Return how many seconds from its recovery on a run is due."""
    recovered = History.objects.filter(run_id=run.id).latest("id").at
    seconds: float = (row(run.id)["wake_at"] - recovered).total_seconds()
    return round(seconds)


def test_the_run_of_a_living_worker_is_left() -> None:
    with living_worker() as worker_id:
        run = held_by(worker_id)

        assert swept() == []

    assert state_of(run) == "running"


def test_a_run_held_by_no_worker_is_left_while_its_lease_lasts_though_nobody_lives() -> None:
    run = held_by(None)
    until(lambda: count_living() == 0)

    assert swept() == []

    assert state_of(run) == "running"


def test_a_run_parked_in_the_middle_of_its_compensation_has_lost_nobody() -> None:
    run = held_by(None)
    begin_compensation(run, error=None)
    park_run(run, Park(seconds=60))

    assert swept() == []

    assert (state_of(run), row(run.id)["crashes"]) == ("compensating", 0)


def test_a_compensating_run_that_loses_too_many_workers_fails_with_the_reason() -> None:
    run = held_by(None)
    begin_compensation(run, error='{"type": "ValueError", "message": "no"}')

    states = [crash(run, max_crashes=2), crash(claim(), max_crashes=2)]

    stored = row(run.id)
    assert states == [RunState.COMPENSATING, RunState.FAILED]
    assert stored["compensation_error"]["type"] == "TooManyCrashes"
    assert stored["error"]["type"] == "ValueError"
    assert stored["finished_at"] is not None


def test_a_run_that_was_being_cancelled_and_undoes_itself_goes_on_to_that() -> None:
    run = held_by(dead_worker())
    Run.objects.filter(pk=run.id).update(state=RunState.CANCELLING, undo_on_cancel=True)

    assert [state for _, _, state in swept()] == [RunState.COMPENSATING]

    assert claim().state == RunState.COMPENSATING
    assert kinds(run.id) == [HistoryKind.RECOVERED, HistoryKind.COMPENSATION_STARTED]


def test_a_run_that_undoes_itself_already_begins_no_second_time() -> None:
    run = held_by(dead_worker())
    begin_compensation(run, error=None)

    swept()

    assert kinds(run.id) == [HistoryKind.COMPENSATION_STARTED, HistoryKind.RECOVERED]


def test_a_silent_worker_loses_its_run_when_the_lease_has_run_out() -> None:
    with living_worker() as worker_id:
        run = held_by(worker_id)
        expire_lease(run.id)

        assert [state for _, _, state in swept()] == [RunState.PENDING]

    assert state_of(run) == "pending"


def test_a_run_that_was_being_cancelled_is_cancelled() -> None:
    run = held_by(dead_worker())
    Run.objects.filter(pk=run.id).update(state=RunState.CANCELLING)

    assert [state for _, _, state in swept()] == [RunState.CANCELLED]

    assert row(run.id)["finished_at"] is not None
    assert row(run.id)["wake_at"] is None
    assert kinds(run.id) == [HistoryKind.RUN_CANCELLED]


def test_crashes_in_a_row_without_progress_are_counted() -> None:
    run, counts = held_by(None), []

    for _ in range(3):
        crash(run)
        counts.append(row(run.id)["crashes"])
        run = claim()

    assert counts == [1, 2, 3]


def test_progress_starts_the_count_anew() -> None:
    run = held_by(None)
    crash(run)
    crash(claim())
    run = claim()
    append(run, Fact(kind=HistoryKind.STEP_COMPLETED, position=1, name="greet"))

    crash(run)

    assert row(run.id)["crashes"] == 1


def test_crashes_are_shown_until_the_run_makes_progress() -> None:
    run = held_by(None)
    crash(run)
    crash(claim())
    run = claim()
    before = (get_run(run.id).crashes, list_runs()[0].crashes)

    append(run, Fact(kind=HistoryKind.STEP_COMPLETED, position=1, name="greet"))

    assert before == (2, 2)
    assert (get_run(run.id).crashes, list_runs()[0].crashes) == (0, 0)


def test_a_recovery_and_the_word_of_an_operator_are_no_progress() -> None:
    run = held_by(None)
    crash(run)

    cancel_run(run.id, reason="enough", by="alice")

    assert get_run(run.id).crashes == 1


def blocked_by_crashes(*, undo_on_cancel: bool = False) -> ClaimedRun:
    run = held_by(None)
    Run.objects.filter(pk=run.id).update(undo_on_cancel=undo_on_cancel)
    assert crash(run, max_crashes=1) == RunState.BLOCKED
    return run


def test_a_blocked_run_that_is_cancelled_has_all_its_chances_to_undo_its_steps() -> None:
    run = blocked_by_crashes(undo_on_cancel=True)

    cancel_run(run.id, reason="enough", by="alice")

    assert state_of(run) == RunState.COMPENSATING
    assert crash(claim(), max_crashes=2) == RunState.COMPENSATING


def test_a_run_that_lost_workers_while_it_was_cancelled_has_all_its_chances_to_undo() -> None:
    run = held_by(None)
    crash(run)
    run = claim()
    Run.objects.filter(pk=run.id).update(state=RunState.CANCELLING, undo_on_cancel=True)

    states = [crash(run, max_crashes=2), crash(claim(), max_crashes=2)]

    assert states == [RunState.COMPENSATING, RunState.COMPENSATING]


def test_a_run_that_lost_workers_and_then_failed_has_all_its_chances_to_undo() -> None:
    run = held_by(None)
    crash(run)
    run = claim()
    begin_compensation(run, error=None)

    assert crash(run, max_crashes=2) == RunState.COMPENSATING


def test_a_run_that_loses_too_many_workers_is_blocked_with_the_reason() -> None:
    run = held_by(None)
    crash(run, max_crashes=2)

    state = crash(claim(), max_crashes=2)

    stored = row(run.id)
    assert state == RunState.BLOCKED
    assert (stored["error"]["type"], stored["wake_at"]) == ("TooManyCrashes", None)
    assert stored["error"]["message"].startswith("2 workers in a row were lost")
    assert "because its lease ran out" in stored["error"]["message"]
    assert get_history(run.id)[-1].data == {"error": stored["error"]}


def test_an_operator_who_retries_a_blocked_run_starts_the_count_anew() -> None:
    run = held_by(None)
    crash(run, max_crashes=1)

    assert wake_run(run.id, by="alice")

    assert (state_of(run), row(run.id)["error"]) == ("pending", None)
    assert crash(claim(), max_crashes=2) == RunState.PENDING


def test_a_run_that_was_given_back_counts_no_crash() -> None:
    run = held_by(None)

    release_run(run)

    assert (state_of(run), row(run.id)["crashes"]) == ("pending", 0)


def test_a_run_whose_row_is_locked_is_passed_over_and_blocks_nobody() -> None:
    worker_id = dead_worker()
    locked, free = held_by(worker_id), held_by(worker_id)

    with transaction.atomic():
        Run.objects.select_for_update().get(pk=locked.id)
        found = elsewhere(swept).result(PATIENCE_SECONDS)

    assert [run_id for run_id, _, _ in found] == [free.id]


def test_a_child_whose_parent_is_locked_ends_with_the_next_sweep_and_holds_up_none() -> None:
    worker_id = dead_worker()
    parent = held_by(None)
    other = held_by(worker_id)
    child = child_of(parent)["id"]
    assert claim(worker_id=worker_id).id == child
    Run.objects.filter(pk=child).update(state=RunState.CANCELLING)

    with transaction.atomic():
        Run.objects.select_for_update().get(pk=parent.id)
        found = elsewhere(swept).result(PATIENCE_SECONDS)

    assert [run_id for run_id, _, _ in found] == [other.id]
    assert [(run_id, state) for run_id, _, state in swept()] == [(child, RunState.CANCELLED)]


def test_sweeps_at_once_count_a_crash_once() -> None:
    run = held_by(dead_worker())

    found = [elsewhere(swept) for _ in range(4)]

    assert sum(len(each.result(PATIENCE_SECONDS)) for each in found) == 1
    assert row(run.id)["crashes"] == 1


def test_a_lock_of_another_database_of_this_server_keeps_no_worker_alive() -> None:
    worker_id = dead_worker()
    run = held_by(worker_id)

    with other_database() as elsewhere_:
        elsewhere_.execute(f"SELECT pg_advisory_lock({PUBLIC_LOCK_CLASS}, {worker_id:d})")
        living, found = count_living(), swept()

    assert living == 0
    assert [run_id for run_id, _, _ in found] == [run.id]


@contextmanager
def other_database() -> Iterator[Connection]:
    """Open a connection to another database of the same server, as another site has one."""
    params = connections["default"].get_connection_params()
    wanted = {name: params[name] for name in ("host", "port", "user", "password") if name in params}
    with psycopg.connect(**wanted, dbname="postgres", autocommit=True) as other:
        yield other


def test_a_run_that_was_lost_with_others_counts_no_crash() -> None:
    worker_id = dead_worker()
    runs = [held_by(worker_id) for _ in range(3)]

    swept()

    for run in runs:
        assert get_run(run.id).crashes == 0
        [line] = get_history(run.id)
        assert (line.data["company"], line.data["attempt"]) == (2, run.attempt)


def test_what_one_sweep_could_not_take_was_lost_with_others_for_the_next_one_too() -> None:
    worker_id = dead_worker()
    taken, locked = held_by(worker_id), held_by(worker_id)
    told = [Told(HeldRun(run.id, run.attempt), None, company=1) for run in (taken, locked)]
    with connected() as own, connected() as other:
        with other.transaction():
            other.execute("SELECT FROM workflows_run WHERE id = %s FOR UPDATE", [locked.id])
            sweep(own, max_crashes=1, told=told)

        sweep(own, max_crashes=1, told=told)

    for run in (taken, locked):
        assert (get_run(run.id).crashes, get_run(run.id).state) == (0, RunState.PENDING)
        [line] = get_history(run.id)
        assert line.data["company"] == 1


def test_a_run_that_was_lost_alone_counts_whatever_others_lost() -> None:
    alone = held_by(dead_worker())
    held_by(dead_worker())

    swept()

    assert get_run(alone.id).crashes == 1
    [line] = get_history(alone.id)
    assert "company" not in line.data
