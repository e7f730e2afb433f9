"""Heartbeats: a long step says that it lives; silence ends the attempt, the next knows the details."""

import contextlib
import contextvars
import threading
import time
from collections.abc import Callable
from typing import Any
from unittest import mock
from uuid import UUID

import psycopg
import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction

from workflows import signals
from workflows.api import (
    Context,
    DefinitionError,
    RetryPolicy,
    RunState,
    current_step,
    get_history,
    get_run,
    heartbeat,
    list_runs,
    start,
    step,
    workflow,
)
from workflows.core.history import HistoryKind
from workflows.engine.attempts.running_step import running_step
from workflows.engine.attempts.time_limit import TimeLimitReached
from workflows.engine.drive.drive import drive
from workflows.models import Run
from workflows.store import heartbeats as store
from workflows.store import lent_connections
from workflows.store.beat_connection import beat_connection
from workflows.testing import crash_everywhere, drive_until_idle
from workflows.tests.builders import (
    PATIENCE_SECONDS,
    claim,
    driven,
    elsewhere,
    expire_lease,
    give_to_another,
    kinds,
    row,
    swept,
)
from workflows.tests.flows import NOW, notes

hooks: dict[str, Callable[[], Any]] = {}
never = threading.Event()


@pytest.fixture(autouse=True)
def no_hooks() -> None:
    hooks.clear()


def details() -> Any:
    info = current_step()
    assert info is not None
    return info.heartbeat


@step(retry=NOW)
def count_up() -> list[Any]:
    before = details()
    for number in range(before + 1 if before is not None else 0, 4):
        heartbeat(number)
        notes.note(f"did {number}")
        hooks.get(f"after {number}", str)()
    return [before]


@step(retry=NOW, heartbeat_seconds=0.15)
def fall_silent() -> str:
    if details() == "alive":
        return "the second attempt knows"
    for _ in range(4):
        heartbeat("alive")
        never.wait(0.05)
    while True:
        pass


@step(atomic=True)
def beat_atomically() -> Any:
    Group.objects.create(name="unseen")
    heartbeat("from inside")
    return hooks["look"]()


@step
def tell_details() -> Any:
    return details()


@step(retry=RetryPolicy(attempts=1), heartbeat_seconds=60)
def tell_how_much_later_it_must_beat() -> float:
    running = running_step()
    assert running is not None
    before = time.monotonic() + running.limit.left()
    never.wait(0.02)
    heartbeat()
    return time.monotonic() + running.limit.left() - before


@step(retry=RetryPolicy(attempts=1))
def beat_on_a_connection_that_is_cut() -> str:
    running = running_step()
    assert running is not None
    heartbeat("before")
    assert running.own is not None
    first = running.own
    heartbeat("again")
    assert running.own is first
    with contextlib.suppress(psycopg.OperationalError):
        running.own.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    heartbeat("after")
    return "went on"


@workflow("tests.beating_in_time")
def beating_in_time(run: Context) -> float:
    return run.step(tell_how_much_later_it_must_beat)


@workflow("tests.beating_on_a_cut_connection")
def beating_on_a_cut_connection(run: Context) -> str:
    return run.step(beat_on_a_connection_that_is_cut)


@workflow("tests.counting_up")
def counting_up(run: Context) -> list[Any]:
    return [run.step(count_up), run.step(tell_details)]


@step(retry=NOW)
def copy_rows() -> int:
    for number in range((details() or 0) + 1, 4):
        notes.note(f"copied {number}")
        heartbeat(number)
    return 3


@workflow("tests.copying")
def copying(run: Context) -> int:
    return run.step(copy_rows)


@workflow("tests.silent")
def silent(run: Context) -> str:
    return run.step(fall_silent)


@workflow("tests.silent_in_threads")
def silent_in_threads(run: Context) -> list[str]:
    return list(run.gather(run.call(fall_silent), run.call(fall_silent)))


@workflow("tests.beating_atomically")
def beating_atomically(run: Context) -> Any:
    return run.step(beat_atomically)


WRONG: dict[str, Any] = {"object": object(), "large": "x" * 300_000}


@step(retry=RetryPolicy(attempts=1))
def beat_wrongly(what: str) -> None:
    heartbeat(WRONG[what])


@workflow("tests.beating_wrongly")
def beating_wrongly(run: Context, what: str) -> None:
    run.step(beat_wrongly, what)


@pytest.mark.usefixtures("committed")
def test_a_heartbeat_is_seen_outside_while_the_step_runs_even_an_atomic_one() -> None:
    run = start(beating_atomically)
    hooks["look"] = lambda: [
        (elsewhere(lambda: get_run(run.id).heartbeat).result(PATIENCE_SECONDS) or {})["details"],
        elsewhere(Group.objects.count).result(PATIENCE_SECONDS),
    ]

    drive_until_idle()

    assert get_run(run.id).output == ["from inside", 0]


@pytest.mark.usefixtures("committed")
def test_a_heartbeat_extends_the_lease() -> None:
    run = start(beating_atomically)
    claimed = claim()
    expire_lease(run.id)
    hooks["look"] = lambda: elsewhere(swept).result(PATIENCE_SECONDS)

    drive(claimed)

    assert get_run(run.id).output == []


@pytest.mark.usefixtures("committed")
def test_silence_ends_the_attempt_and_the_next_has_the_details() -> None:
    run = driven(silent)

    assert run.output == "the second attempt knows"
    [failed] = [e for e in get_history(run.id) if e.kind == HistoryKind.ATTEMPT_FAILED]
    assert "no heartbeat for 0.15 s" in failed.data["error"]["message"]


@pytest.mark.usefixtures("committed")
def test_branches_of_a_gather_each_have_details_of_their_own() -> None:
    run = driven(silent_in_threads)

    assert run.output == ["the second attempt knows"] * 2


@pytest.mark.usefixtures("committed")
def test_an_attempt_that_fails_hands_its_details_on_and_a_later_step_sees_none() -> None:
    def fail() -> None:
        del hooks["after 1"]
        raise ValueError("in the middle")

    hooks["after 1"] = fail
    run = driven(counting_up)

    assert run.output == [[1], None]
    assert notes.done == ["did 0", "did 1", "did 2", "did 3"]


class Killed(KeyboardInterrupt):
    """The worker dies here."""


@pytest.mark.usefixtures("committed")
@pytest.mark.parametrize("after", [0, 1, 2, 3])
def test_a_worker_killed_after_a_heartbeat_hands_its_details_on(after: int) -> None:
    def die() -> None:
        hooks.clear()
        raise Killed

    hooks[f"after {after}"] = die
    run = start(counting_up)
    with pytest.raises(Killed):
        drive(claim())
    expire_lease(run.id)
    swept()
    drive_until_idle()

    assert get_run(run.id).output == [[after], None]
    assert notes.done == [f"did {number}" for number in range(4)]


@step(retry=NOW)
def import_rows(to_each_death: int) -> int:
    first = (details() or {"row": 0})["row"]
    for row_number in range(first, min(first + to_each_death, 200) + 1):
        heartbeat({"row": row_number, "at": time.time()})
    if row_number < 200:
        raise Killed
    return 200


@workflow("tests.importing_rows")
def importing_rows(run: Context, to_each_death: int) -> int:
    return run.step(import_rows, to_each_death)


def die_again_and_again(run_id: UUID, times: int) -> list[tuple[RunState, int]]:
    """Let the worker die in the step so often; return what became of the run each time."""
    became = []
    for _ in range(times):
        with pytest.raises(Killed):
            drive(claim())
        expire_lease(run_id)
        [(_, _, state)] = swept()
        became.append((state, get_run(run_id).crashes))
    return became


@pytest.mark.usefixtures("committed")
def test_an_import_that_moves_on_under_every_death_is_not_blocked() -> None:
    run = start(importing_rows, to_each_death=30)

    became = die_again_and_again(run.id, 6)
    drive_until_idle()

    assert became == [(RunState.PENDING, 1)] * 6
    assert get_run(run.id).output == 200


@pytest.mark.usefixtures("committed")
def test_an_import_that_comes_no_further_is_blocked_though_its_heartbeats_tell_the_time() -> None:
    run = start(importing_rows, to_each_death=0)

    became = die_again_and_again(run.id, 5)

    assert became == [(RunState.PENDING, n) for n in range(1, 5)] + [(RunState.BLOCKED, 5)]


@pytest.mark.usefixtures("committed")
def test_deaths_after_the_last_growth_are_counted_and_none_before_it() -> None:
    run = start(importing_rows, to_each_death=30)

    moving = die_again_and_again(run.id, 2)
    Run.objects.filter(pk=run.id).update(input={"to_each_death": 0})
    standing = die_again_and_again(run.id, 3)

    assert [crashes for _, crashes in moving + standing] == [1, 1, 2, 3, 4]


@pytest.mark.usefixtures("committed")
def test_a_run_that_moves_shows_no_crashes_while_it_does() -> None:
    run = start(importing_rows, to_each_death=30)
    die_again_and_again(run.id, 1)
    seen: list[int] = []

    with pytest.raises(Killed):
        claimed = claim()
        seen.append(get_run(run.id).crashes)
        drive(claimed)
    seen.append(get_run(run.id).crashes)

    assert seen == [1, 0]


@pytest.mark.django_db
def test_killed_anywhere_a_step_that_beats_goes_on_behind_its_last_details() -> None:
    def play() -> None:
        notes.done.clear()
        start(copying)

    def last_details() -> list[Any]:
        return [(run.heartbeat or {})["details"] for run in list_runs(workflow="tests.copying")]

    # What was done before a beat that never was is done again; nothing behind a beat that was.
    report = crash_everywhere(play, observe=last_details, at_least_once=lambda: notes.done)

    assert report.boundaries >= 12


@pytest.mark.usefixtures("committed")
def test_a_step_whose_run_belongs_to_another_by_now_is_stopped_at_its_next_heartbeat() -> None:
    start(counting_up)
    zombie = claim()
    hooks["after 1"] = lambda: give_to_another(zombie)

    drive(zombie)

    assert notes.done == ["did 0", "did 1"]
    assert kinds(zombie.id) == []
    assert row(zombie.id)["state"] == "running"


@step(retry=RetryPolicy(attempts=1))
def beat_beside_a_lock() -> str:
    """Lock the row of this run, which the heartbeat then cannot write to."""
    info = current_step()
    assert info is not None
    with transaction.atomic():
        Run.objects.select_for_update().get(pk=info.run_id)
        heartbeat("unheard")
    return "went on"


@workflow("tests.beating_beside_a_lock")
def beating_beside_a_lock(run: Context) -> str:
    return run.step(beat_beside_a_lock)


@pytest.mark.usefixtures("committed")
def test_a_heartbeat_that_the_database_does_not_take_is_told_and_fails_no_step() -> None:
    told: list[Any] = []

    def listen(**facts: Any) -> None:
        told.append((facts["run_id"], facts["step"], type(facts["error"])))

    signals.heartbeat_unheard.connect(listen)
    run = driven(beating_beside_a_lock)
    signals.heartbeat_unheard.disconnect(listen)

    assert run.output == "went on"
    assert told == [(run.id, "beat_beside_a_lock", psycopg.errors.LockNotAvailable)]


left_behind: list[contextvars.Context] = []


@step
def leave_a_context_behind() -> None:
    left_behind[:] = [contextvars.copy_context()]


@step
def beat_from_the_context_left_behind() -> str:
    try:
        left_behind[0].run(heartbeat, "late")
    except DefinitionError as refused:
        return str(refused)
    return "accepted"


@workflow("tests.beating_late")
def beating_late(run: Context) -> str:
    run.step(leave_a_context_behind)
    return run.step(beat_from_the_context_left_behind)


@pytest.mark.usefixtures("committed")
def test_a_thread_that_outlived_its_attempt_sends_no_heartbeat() -> None:
    run = driven(beating_late)

    assert run.output == "heartbeat() is called from inside a step, while it runs"
    assert run.heartbeat is None


@pytest.mark.django_db
def test_from_each_heartbeat_the_step_has_its_full_time_until_the_next() -> None:
    assert driven(beating_in_time).output > 0.019


@pytest.mark.usefixtures("committed")
def test_a_heartbeat_whose_connection_was_cut_is_sent_on_another() -> None:
    run = driven(beating_on_a_cut_connection)

    assert run.output == "went on"
    assert run.heartbeat is not None
    assert run.heartbeat["details"] == "after"


@pytest.mark.django_db
def test_a_heartbeat_works_inside_the_transaction_of_a_test() -> None:
    run = driven(counting_up)

    assert run.output == [[None], None]
    assert run.heartbeat is not None
    assert (run.heartbeat["position"], run.heartbeat["details"]) == (1, 3)
    assert connection.in_atomic_block


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("what", "error"), [("object", "ValueNotStorable"), ("large", "ValueTooLarge")]
)
def test_details_that_cannot_be_stored_fail_the_step(what: str, error: str) -> None:
    run = driven(beating_wrongly, what=what)

    assert run.state == RunState.FAILED
    assert run.error is not None
    assert error in run.error["message"]


def test_a_heartbeat_belongs_inside_a_step() -> None:
    with pytest.raises(DefinitionError, match="inside a step"):
        heartbeat()


@pytest.mark.django_db
def test_details_that_would_lose_a_part_fail_the_step_and_name_it() -> None:
    @step
    def beating() -> None:
        heartbeat({"rows": {1: "a", "1": "b"}})

    @workflow("tests.beat.loses")
    def losing(run: Context) -> None:
        run.step(beating)

    run = driven(losing)

    assert "heartbeat['rows']: two of its keys are one as JSON" in (run.error or {})["message"]


@step(timeout_seconds=60)
def beat_that_is_interrupted() -> None:
    heartbeat("first")
    running = running_step()
    assert running is not None
    assert running.own is not None
    running.own.pgconn.send_query(b"SELECT 1")  # the interrupt came behind this

    with (
        pytest.raises(TimeLimitReached),
        mock.patch.object(store, "beat", side_effect=TimeLimitReached),
    ):
        heartbeat("second")


@step
def beats_afterwards() -> None:
    heartbeat("seen")


@workflow("tests.beating_after_an_interrupt")
def beating_after_an_interrupt(run: Context) -> None:
    run.step(beat_that_is_interrupted)
    run.step(beats_afterwards)


@pytest.mark.usefixtures("committed")
def test_an_interrupt_in_the_midst_of_a_heartbeat_silences_no_later_one() -> None:
    lent_connections.begin(1)  # as in a worker, where the connection stays open
    try:
        run = driven(beating_after_an_interrupt)
    finally:
        beat_connection.close_idle(0)
        lent_connections.end()

    assert run.heartbeat is not None
    assert run.heartbeat["details"] == "seen"
