"""A worker that has lost its run writes nothing, however its statement races with the claim."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from psycopg.errors import LockNotAvailable

from workflows.core.history import HistoryKind
from workflows.core.lines import code_awaited, event_received, status_set
from workflows.core.run import ClaimedRun, Fact, Park
from workflows.core.states import RunState
from workflows.models import Event, History, Run
from workflows.store.continue_as_new import continue_run
from workflows.store.events import consume, load_inbox, send_event
from workflows.store.fence import Notes
from workflows.store.heartbeats import beat, show_progress
from workflows.store.history import append, append_retry, set_status
from workflows.store.parking import await_code, park_run
from workflows.store.queue import give_back, release_run
from workflows.store.runs import (
    begin_compensation,
    block_run,
    end_run,
    look,
)
from workflows.tests.builders import (
    PATIENCE_SECONDS,
    connected,
    elsewhere,
    expire_lease,
    give_to_another,
    new_run,
    row,
    somebody_waits_for_a_lock,
    start_a_child,
    started_and_claimed,
    swept,
    until,
)
from workflows.tests.flows import wait_for_go

ATTEMPT = Fact(kind=HistoryKind.ATTEMPT_FAILED, position=1, part=1, name="a")
STEP = Fact(kind=HistoryKind.STEP_COMPLETED, position=1, name="a", data='{"output": 1}')
SLEEP = Park(seconds=0, fact=Fact(kind=HistoryKind.SLEEP_STARTED, position=1, part=1))


def consume_one(run: ClaimedRun) -> object:
    [event] = load_inbox(run.id)
    return consume(run, event, event_received(1, ["go"], "go", "1"))


def continue_it(run: ClaimedRun) -> object:
    held = look(run)
    events = run.events if held is None else held[1]
    return continue_run(run, new_run(), events=events, notes=Notes())


WRITES: dict[str, Callable[[ClaimedRun], Any]] = {
    "append": lambda run: append(run, STEP),
    "set_status": lambda run: set_status(run, status_set(1, "Late")),
    "park": lambda run: park_run(run, Park(seconds=0)),
    "park_and_record": lambda run: park_run(run, SLEEP),
    "complete": lambda run: end_run(
        run, RunState.COMPLETED, before=RunState.RUNNING, output='"late"'
    ),
    "fail": lambda run: end_run(run, RunState.FAILED, before=RunState.RUNNING, error="{}"),
    "cancel": lambda run: end_run(run, RunState.CANCELLED, before=RunState.CANCELLING),
    "block": lambda run: block_run(run, error="{}"),
    "release": release_run,
    "give_back": lambda run: give_back(run, at_once=0) is not None,
    "await_code": lambda run: await_code(run, code_awaited("p", "old"), seconds=1, record=True),
    "consume": consume_one,
    "append_retry": lambda run: append_retry(run, ATTEMPT, seconds=1),
    "begin_compensation": lambda run: begin_compensation(run, error="{}"),
    "start_child": start_a_child,
    "continue": continue_it,
    "beat": lambda run: beat(
        run_id=run.id, attempt=run.attempt, position=1, details="{}", lease_seconds=60
    ),
    "progress": lambda run: show_progress(run, "{}"),
    "append_with_notes": lambda run: append(run, STEP, notes=Notes(data='{"a": 1}')),
}
EVERY_WRITE = pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)


def held() -> ClaimedRun:
    """Return a claimed run that has an event in its inbox."""
    run = started_and_claimed(wait_for_go)
    send_event(run.id, name="go", payload="1", key=None)
    return run


def all_of(run: ClaimedRun) -> tuple[Any, ...]:
    """Return everything that the tables say about the run."""
    history = list(History.objects.filter(run_id=run.id).values())
    return row(run.id), history, list(Event.objects.filter(run_id=run.id).values())


@pytest.mark.django_db
@pytest.mark.parametrize("name", sorted(set(WRITES) - {"cancel"}))
def test_the_holder_writes(name: str) -> None:
    run = held()
    before = all_of(run)

    assert WRITES[name](run)

    assert all_of(run) != before


@pytest.mark.django_db
@EVERY_WRITE
def test_a_zombie_writes_nothing(write: Callable[[ClaimedRun], Any]) -> None:
    zombie = held()
    give_to_another(zombie)
    before = all_of(zombie)

    assert not write(zombie)

    assert all_of(zombie) == before
    assert look(zombie) is None


@pytest.mark.django_db
@EVERY_WRITE
@pytest.mark.parametrize("state", [RunState.COMPLETED, RunState.FAILED])
def test_nothing_is_written_to_a_run_that_has_ended(
    state: RunState, write: Callable[[ClaimedRun], Any]
) -> None:
    run = held()
    end_run(run, state, before=RunState.RUNNING)
    before = all_of(run)

    assert not write(run)

    assert all_of(run) == before


@pytest.mark.django_db
@pytest.mark.parametrize(
    "name", ["park", "complete", "fail", "block", "release", "start_child", "continue"]
)
def test_a_run_being_cancelled_takes_no_other_end(name: str) -> None:
    run = held()
    Run.objects.filter(pk=run.id).update(state=RunState.CANCELLING)
    before = all_of(run)

    assert not WRITES[name](run)

    assert all_of(run) == before


@pytest.mark.django_db
@pytest.mark.parametrize(
    "name",
    [
        *["append", "append_with_notes", "append_retry", "set_status", "consume"],
        *["beat", "progress", "cancel", "begin_compensation"],
    ],
)
def test_a_run_being_cancelled_still_takes_what_was_done(name: str) -> None:
    run = held()
    Run.objects.filter(pk=run.id).update(state=RunState.CANCELLING)

    assert WRITES[name](run)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "taken"),
    [
        *[(name, True) for name in ("append", "append_with_notes", "append_retry", "beat")],
        *[(name, True) for name in ("park", "park_and_record", "give_back")],
        *[(name, False) for name in ("start_child", "continue", "progress", "set_status")],
    ],
)
def test_a_run_that_undoes_its_steps_takes_what_undoing_needs(name: str, taken: bool) -> None:
    run = held()
    Run.objects.filter(pk=run.id).update(state=RunState.COMPENSATING)

    assert bool(WRITES[name](run)) is taken


@pytest.mark.django_db
@pytest.mark.parametrize(("moved", "written"), [(-1, False), (0, True), (1, False)])
def test_a_line_that_depends_on_the_events_is_written_only_at_the_count_it_has_seen(
    moved: int, written: bool
) -> None:
    run = held()
    seen = row(run.id)["events"] + moved

    assert (append(run, STEP, if_events=seen) is not None) is written


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("notes", "data", "attributes"),
    [
        (Notes(), {"a": 1}, {"b": 2}),
        (Notes(data='{"a": 3}'), {"a": 3}, {"b": 2}),
        (Notes(attributes='{"b": 4}'), {"a": 1}, {"b": 4}),
    ],
)
@pytest.mark.parametrize("write", [append, park_run], ids=["append", "park"])
def test_a_write_stores_the_notes_that_changed_and_keeps_the_others(
    write: Callable[..., Any], notes: Notes, data: object, attributes: object
) -> None:
    run = held()
    Run.objects.filter(pk=run.id).update(data={"a": 1}, attributes={"b": 2})

    assert write(run, STEP if write is append else Park(seconds=0), notes=notes)

    stored = row(run.id)
    assert (stored["data"], stored["attributes"]) == (data, attributes)


@pytest.mark.usefixtures("committed")
def test_a_line_without_notes_leaves_the_runs_row_as_it_is() -> None:
    """A new version of the row for every step would be written, cleaned up and paid for."""
    run = held()

    def version() -> object:
        with connected() as own:
            return own.execute("SELECT xmin FROM workflows_run WHERE id = %s", [run.id]).fetchone()

    before = version()
    append(run, STEP)

    assert version() == before


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["append", "append_retry", "set_status", "park_and_record"])
def test_every_line_names_the_attempt_that_wrote_it(name: str) -> None:
    run = give_to_another(held())

    WRITES[name](run)

    assert History.objects.get(run_id=run.id, position=1).attempt == run.attempt == 2


@pytest.mark.usefixtures("committed")
@pytest.mark.parametrize("name", sorted(set(WRITES) - {"cancel"}))
def test_a_zombie_that_writes_while_another_is_claiming_waits_and_writes_nothing(
    name: str,
) -> None:
    zombie = held()

    with transaction.atomic():
        give_to_another(zombie)
        before = all_of(zombie)
        late = elsewhere(lambda: WRITES[name](zombie))
        until(somebody_waits_for_a_lock)

    assert not late.result(PATIENCE_SECONDS)
    assert all_of(zombie) == before


@pytest.mark.usefixtures("committed")
@pytest.mark.parametrize(
    "name",
    ["append", "append_with_notes", "set_status", "consume", "park_and_record", "start_child"],
)
def test_a_write_in_an_open_transaction_keeps_others_from_the_run_until_it_is_over(
    name: str,
) -> None:
    zombie = held()
    expire_lease(zombie.id)

    with transaction.atomic():
        written = WRITES[name](zombie)
        meanwhile = swept()
    stored = History.objects.filter(run_id=zombie.id, position=1).count()

    assert written
    assert meanwhile == []
    assert stored == 1


@pytest.mark.usefixtures("committed")
def test_a_checkpoint_that_is_rolled_back_leaves_the_run_to_the_sweep() -> None:
    zombie = held()
    expire_lease(zombie.id)

    with transaction.atomic():
        append(zombie, STEP)
        transaction.set_rollback(True)

    assert [run_id for run_id, _, _ in swept()] == [zombie.id]
    assert append(zombie, STEP) is None


@pytest.mark.usefixtures("committed")
def test_no_write_waits_long_for_others_who_hold_the_row() -> None:
    """A caller has sent events, and goes on in its transaction."""
    run = held()

    with connected() as own, own.transaction():
        own.execute("SELECT FROM workflows_run WHERE id = %s FOR NO KEY UPDATE", [run.id])
        late = [
            elsewhere(partial(write, run)) for name, write in WRITES.items() if name != "cancel"
        ]
        refused = [each.exception(PATIENCE_SECONDS) for each in late]

    assert {type(error.__cause__) for error in refused if error} == {LockNotAvailable}
    assert all(refused)


@pytest.mark.usefixtures("committed")
def test_a_transaction_of_a_callers_own_keeps_the_time_limits_that_it_has() -> None:
    run = held()

    append(run, STEP)

    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("0",)


@pytest.mark.usefixtures("committed")
def test_a_foreign_key_lock_on_the_run_does_not_keep_a_checkpoint_waiting() -> None:
    run = held()

    with connected() as own, own.transaction():
        own.execute("SELECT FROM workflows_run WHERE id = %s FOR KEY SHARE", [run.id])
        written = elsewhere(lambda: append(run, STEP)).result(PATIENCE_SECONDS)

    assert written is not None


@pytest.mark.usefixtures("committed")
@pytest.mark.parametrize("name", ["append", "append_retry", "consume", "start_child"])
def test_a_line_of_a_run_that_nobody_else_holds_asks_for_no_bound_on_the_wait(name: str) -> None:
    run = held()

    with transaction.atomic():
        assert WRITES[name](run)

        with connection.cursor() as cursor:
            cursor.execute("SHOW lock_timeout")
            assert cursor.fetchone() == ("0",)


@pytest.mark.usefixtures("committed")
@pytest.mark.parametrize("name", ["append", "append_retry", "consume", "start_child"])
def test_a_line_is_written_as_soon_as_another_lets_go_of_the_run(name: str) -> None:
    run = held()

    with transaction.atomic():
        Run.objects.select_for_update(no_key=True).get(pk=run.id)
        late = elsewhere(lambda: WRITES[name](run))
        until(somebody_waits_for_a_lock)

    assert late.result(PATIENCE_SECONDS)
