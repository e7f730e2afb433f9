"""A database that answers, but with an error: the run waits longer and longer, and nobody spins."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from django.db.models import F

from workflows.api import (
    Context,
    RunState,
    cancel,
    current_step,
    get_run,
    send_event,
    start,
    step,
    workflow,
)
from workflows.models import Run
from workflows.observe import logs
from workflows.tests.builders import connected, elsewhere, end_session, kinds, row, run_sql, swept
from workflows.tests.engine.workers import Worker, work
from workflows.tests.flows import greet, greet_once, notes, wait_for_go
from workflows.tests.listening import listening

pytestmark = pytest.mark.usefixtures("committed")

REFUSE = """
    CREATE FUNCTION refuse_line() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'no % today: {code}', NEW.name USING ERRCODE = '{code}';
    END $$;
    CREATE TRIGGER refuse_line BEFORE INSERT ON workflows_history FOR EACH ROW
    WHEN (NEW.name = 'greet') EXECUTE FUNCTION refuse_line()
"""
ACCEPT = "DROP FUNCTION IF EXISTS refuse_line CASCADE"
CAUSES = {
    "a missing column": "undefined_column",
    "a permission": "insufficient_privilege",
    "a statement timeout": "query_canceled",
    "a lock timeout": "lock_not_available",
    "a full disk": "disk_full",
}


@pytest.fixture(autouse=True)
def nothing_said() -> None:
    """Forget what was said in the tests before."""
    logs._said.clear()


@contextmanager
def refusing(cause: str = "a permission") -> Iterator[None]:
    """Let the database refuse the record of the step `greet`."""
    run_sql(REFUSE.format(code=CAUSES[cause]))
    try:
        yield
    finally:
        run_sql(ACCEPT)


def pause_of(run_id: Any) -> float:
    """Return for how long the run was put off, in seconds, and let the time have come."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM wake_at - clock_timestamp()) FROM workflows_run WHERE id = %s",
            [run_id],
        )
        pause = float(cursor.fetchone()[0])
    Run.objects.filter(pk=run_id).update(wake_at=F("created_at"))
    return pause


@workflow("tests.failing_at_a_word")
def failing_at_a_word(run: Context) -> None:
    run.start_child(wait_for_go)
    run.wait_event("go")
    raise ValueError("a mistake")


def test_a_parent_that_fails_waits_briefly_for_who_holds_its_child() -> None:
    """Somebody has sent the child an event, in a transaction that stays open."""
    parent, worker = start(failing_at_a_word), Worker()
    work(worker)
    send_event(parent.id, "go")

    with connected() as own, own.transaction():
        held = "SELECT FROM workflows_run WHERE parent_id = %s FOR NO KEY UPDATE"
        own.execute(held, [parent.id])
        work(worker)
        meanwhile = row(parent.id)
    pause_of(parent.id)
    work(worker)

    assert (meanwhile["state"], meanwhile["crashes"], worker.lost) == ("pending", 0, 0)
    assert get_run(parent.id).state == RunState.FAILED


@pytest.mark.parametrize("cause", CAUSES)
def test_a_refused_drive_is_not_repeated_at_once(cause: str) -> None:
    view, worker = start(greet_once, name="Alice"), Worker()

    with refusing(cause):
        driven = work(worker)

    waiting = row(view.id)
    assert driven == 1
    assert notes.done == ["greet Alice"]
    assert (waiting["state"], waiting["crashes"], waiting["worker_id"]) == ("pending", 0, None)
    assert waiting["wake_at"] > waiting["created_at"]
    assert worker.lost == 0


def test_each_refusal_in_a_row_makes_the_wait_longer_up_to_half_a_minute() -> None:
    view = start(greet_once, name="Alice")
    pauses: list[float] = []

    with refusing():
        for _ in range(8):
            work()
            pauses.append(pause_of(view.id))

    expected = [1, 2, 4, 8, 16, 30, 30, 30]
    assert pauses == pytest.approx(expected, abs=0.5)
    assert get_run(view.id).crashes == 0


def test_once_the_cause_is_gone_the_run_goes_on_by_itself() -> None:
    view = start(greet_once, name="Alice")
    with refusing():
        work()
    pause_of(view.id)

    work()

    assert get_run(view.id).output == "Hello, Alice"
    assert kinds(view.id) == ["step_completed", "run_completed"]


@workflow("tests.two_kinds_of_step")
def label_then_greet(run: Context) -> str:
    for number in range(3):
        run.set_status(f"At {number}")
    return run.step(greet, "Alice")


def test_progress_makes_the_wait_short_again() -> None:
    view = start(label_then_greet)

    with refusing():
        drives = [work(), pause_of(view.id), work(), pause_of(view.id)]

    assert drives == pytest.approx([2, 1, 1, 2], abs=0.5)  # the very first had recorded something


def test_a_refused_run_keeps_no_other_from_being_driven() -> None:
    refused, healthy = start(greet_once, name="Alice"), start(wait_for_go, timeout_seconds=0)

    with refusing():
        work()

    assert get_run(refused.id).state == RunState.PENDING
    assert get_run(healthy.id).state == RunState.COMPLETED


@step(name="greet")
def cancel_the_run() -> None:
    info = current_step()
    assert info is not None
    cancel(info.run_id)


@workflow("tests.refused_cancels_itself")
def cancels_itself(run: Context) -> None:
    run.step(cancel_the_run)


def test_a_refused_run_that_is_being_cancelled_is_left_to_the_sweep() -> None:
    view, worker = start(cancels_itself), Worker()

    with refusing():
        work(worker)

    assert worker.lost == 1
    assert [state for _, _, state in swept()] == [RunState.CANCELLED]
    assert get_run(view.id).state == RunState.CANCELLED


def test_the_same_refusal_is_said_once_however_many_runs_meet_it() -> None:
    for name in ("Alice", "Bob", "Charlie"):
        start(greet_once, name=name)

    with refusing(), listening("workflows") as ear:
        work()
    with refusing("a full disk"), listening("workflows") as later:
        Run.objects.update(wake_at=F("created_at"))
        work()

    [told] = [each.getMessage() for each in ear.records]
    assert "no greet today" in told
    assert "again in 1 s" in told
    assert len(later.records) == 1


def test_a_refusal_that_lasts_is_said_again_with_how_often(monkeypatch: Any) -> None:
    view = start(greet_once, name="Alice")
    with refusing(), listening("workflows") as ear:
        for _ in range(3):
            work()
            pause_of(view.id)
        monkeypatch.setattr(logs, "SAY_AGAIN_SECONDS", 0)
        work()

    said = [each.getMessage() for each in ear.records]
    assert len(said) == 2
    assert "2 more since" in said[1]


@contextmanager
def refusing_to_block() -> Iterator[None]:
    """Let the database find the record of `greet` no possible value, and refuse to block the run."""
    run_sql("""
        CREATE FUNCTION refuse_line() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.name = 'greet' THEN
                RAISE EXCEPTION 'too large' USING ERRCODE = 'numeric_value_out_of_range';
            ELSIF NEW.kind = 'blocked' THEN
                RAISE EXCEPTION 'not now' USING ERRCODE = 'insufficient_privilege';
            END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER refuse_line BEFORE INSERT ON workflows_history FOR EACH ROW
        EXECUTE FUNCTION refuse_line()
    """)
    try:
        yield
    finally:
        run_sql(ACCEPT)


def test_a_run_that_the_database_refuses_to_block_is_put_off_like_any_other() -> None:
    view, worker = start(greet_once, name="Alice"), Worker()

    with refusing_to_block():
        work(worker)

    assert (row(view.id)["state"], worker.lost) == ("pending", 0)
    assert pause_of(view.id) == pytest.approx(1, abs=0.5)


def test_a_claim_that_is_refused_is_said_once() -> None:
    start(greet_once, name="Alice")
    worker = Worker()
    run_sql("ALTER TABLE workflows_run RENAME heartbeat TO heartbeat_of_tomorrow")
    try:
        with listening("workflows") as ear:
            driven = [work(worker) for _ in range(3)]
    finally:
        run_sql("ALTER TABLE workflows_run RENAME heartbeat_of_tomorrow TO heartbeat")

    assert (driven, worker.lost) == ([0, 0, 0], 0)
    [told] = [each.getMessage() for each in ear.records]
    assert "column run.heartbeat does not exist" in told


@step
def lose_the_connection() -> None:
    notes.note("lost")
    pid = connection.connection.info.backend_pid
    elsewhere(lambda: end_session(pid)).result(10)


@workflow("tests.always_loses")
def always_loses(run: Context) -> None:
    run.step(lose_the_connection)


def test_a_lost_connection_is_made_up_for_at_once_but_not_for_ever() -> None:
    view = start(always_loses)

    driven = work()

    assert driven == 4
    assert get_run(view.id).state == RunState.PENDING
    assert pause_of(view.id) == pytest.approx(1, abs=0.5)
    assert get_run(view.id).crashes == 0


REFUSE_PROGRESS = """
    CREATE FUNCTION refuse_line() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'no progress today' USING ERRCODE = 'insufficient_privilege';
    END $$;
    CREATE TRIGGER refuse_progress BEFORE UPDATE OF progress ON workflows_run FOR EACH ROW
    EXECUTE FUNCTION refuse_line()
"""


@workflow("tests.goes_on_after_any_error")
def goes_on_after_any_error(run: Context) -> str:
    try:
        run.set_status("greet")
        run.progress(1)
    except Exception as exc:
        return f"swallowed {exc!r}"
    return "done"


@pytest.mark.parametrize("refusal", [REFUSE.format(code=CAUSES["a permission"]), REFUSE_PROGRESS])
def test_a_refused_label_or_progress_is_no_error_of_the_code(refusal: str) -> None:
    view = start(goes_on_after_any_error)

    run_sql(refusal)
    try:
        work()
    finally:
        run_sql(ACCEPT)
    refused = get_run(view.id)
    pause_of(view.id)
    work()

    assert (refused.state, refused.output) == (RunState.PENDING, None)
    assert get_run(view.id).output == "done"
