"""The connection breaks inside an atomic step: no attempt is used, and the loss is counted."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast
from unittest import mock
from uuid import UUID

import psycopg
import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError, OperationalError, connection
from django.db.models.functions import Now
from psycopg.pq import DiagnosticField

from workflows.api import (
    Context,
    RunState,
    StepFailed,
    current_step,
    get_history,
    get_run,
    start,
    step,
    workflow,
)
from workflows.engine.session.connection_loss import is_lost
from workflows.engine.worker_loop import work_off
from workflows.models import Run
from workflows.store.database import Connection
from workflows.store.workers import enlist, open_connection
from workflows.tests.builders import END_OWN_SESSION, kinds, row, run_sql
from workflows.tests.engine.workers import Worker, nothing
from workflows.tests.flows import ONCE, notes
from workflows.tests.listening import listening

pytestmark = pytest.mark.usefixtures("committed")


class Living(Worker):
    """A worker with an id whose lock it holds."""

    def __init__(self) -> None:
        super().__init__()
        self._own: Connection | None = None
        self._id = 0
        self.broke = False

    def broke_since(self, moment: float) -> bool:
        return self.broke

    def worker_id(self) -> int:
        if self._own is None:
            self._own = open_connection()
            self._id = enlist(self._own, host="here", pid=1)
        return self._id

    def lose(self) -> None:
        super().lose()
        if self._own is not None:
            self._own.close()
            self._own = None


@pytest.fixture
def worker() -> Iterator[Living]:
    living = Living()
    yield living
    living.lose()


def told_by(**fields: str) -> OperationalError:
    """Return what Django raises for what the server, or a pooler, said last."""
    kept = {DiagnosticField[name.upper()]: said.encode() for name, said in fields.items()}
    said, told = psycopg.errors.ProtocolViolation("said", info=cast(Any, kept)), OperationalError()
    told.__cause__ = said
    return told


@pytest.mark.parametrize(
    ("fields", "lost"),
    [
        ({"severity": "FATAL"}, True),  # PgBouncer sends one only, in English
        ({"severity": "ERROR"}, False),
        ({"severity": "FATAL", "severity_nonlocalized": "FATAL"}, True),
        ({"severity": "FEHLER", "severity_nonlocalized": "ERROR"}, False),
        ({"severity": "FATALE", "severity_nonlocalized": "PANIC"}, True),
    ],
)
def test_who_hangs_up_after_his_words_is_lost_be_it_a_pooler(
    fields: dict[str, str], lost: bool
) -> None:
    assert is_lost(told_by(sqlstate="08P01", **fields)) == lost


def break_it() -> None:
    run_sql(END_OWN_SESSION)


def break_it_and_say_otherwise() -> None:
    try:
        run_sql(END_OWN_SESSION)
    except DatabaseError as exc:
        raise ValueError("the business refuses") from exc


def break_it_and_say_nothing() -> None:
    try:
        run_sql(END_OWN_SESSION)
    except DatabaseError:
        notes.note("swallowed")


def break_another() -> None:
    """A business database of the step's own."""
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": None}) as other:
        other.execute(END_OWN_SESSION)


LOSSES = {
    each.__name__: each for each in (break_it, break_it_and_say_otherwise, break_it_and_say_nothing)
}


@step(atomic=True, retry=ONCE)
def add_group(loss: str, times: int) -> int:
    info = current_step()
    assert info is not None
    notes.note(f"tried {times}")
    Group.objects.create(name=f"group {info.position}")
    if notes.count(f"tried {times}") <= times:
        {**LOSSES, "break_another": break_another}[loss]()
    return info.attempt


@workflow("tests.loses_in_a_step")
def losing(run: Context, loss: str, times: int = 1) -> str:
    try:
        return f"attempt {run.step(add_group, loss, times)}"
    except StepFailed as failed:
        return failed.error_type


def work(worker: Worker) -> int:
    return work_off(worker, stopping=lambda: False, looked=nothing)


def due_now(run_id: UUID) -> None:
    """Let the pause between two recoveries be over."""
    Run.objects.filter(pk=run_id, state=RunState.PENDING).update(wake_at=Now())


@pytest.mark.parametrize("loss", LOSSES)
def test_a_connection_that_breaks_in_an_atomic_step_costs_no_attempt(
    loss: str, worker: Living
) -> None:
    view = start(losing, loss=loss)

    work(worker)

    first = get_history(view.id)[0]
    assert (first.kind, first.data["crashes"]) == ("recovered", 1)
    assert first.data["reason"] == "its connection broke inside an atomic step, on host here, pid 1"
    assert get_run(view.id).output == "attempt 1"
    assert notes.count("tried 1") == 2
    assert Group.objects.count() == 1


def test_a_step_that_always_breaks_its_connection_is_set_aside(
    worker: Living, settings: Any
) -> None:
    settings.WORKFLOWS = {"max_crashes": 3}
    view = start(losing, loss="break_it", times=100)

    work(worker)
    between = get_run(view.id)
    due_now(view.id)
    with listening("workflows") as ear:
        work(worker)

    said = [record.getMessage() for record in ear.records if record.levelname == "ERROR"]
    assert [
        "is blocked: TooManyCrashes: 3 workers in a row were lost" in each for each in said
    ] == [True]
    assert (between.state, between.crashes) == (RunState.PENDING, 2)
    blocked = get_run(view.id)
    assert (blocked.state, blocked.crashes) == (RunState.BLOCKED, 3)
    assert blocked.error is not None
    assert "its connection broke inside an atomic step" in blocked.error["message"]
    assert Group.objects.count() == 0


def test_a_break_of_all_this_workers_sessions_at_once_is_not_the_steps_doing(
    worker: Living,
) -> None:
    view = start(losing, loss="break_it")
    worker.broke = True

    work(worker)

    assert get_run(view.id).output == "attempt 1"
    assert "recovered" not in kinds(view.id)


def test_the_connection_to_another_database_is_the_steps_own_affair(worker: Living) -> None:
    view = start(losing, loss="break_another")

    work(worker)

    assert get_run(view.id).output == "psycopg.errors.AdminShutdown"
    assert worker.lost == 0


@contextmanager
def connection_breaks_at_commit() -> Iterator[None]:
    """Let the commit of a new group end the session that commits it."""
    run_sql(
        "CREATE FUNCTION end_session() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$; "
        "CREATE CONSTRAINT TRIGGER end_session AFTER INSERT ON auth_group "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION end_session()"
    )
    try:
        yield
    finally:
        run_sql("DROP FUNCTION IF EXISTS end_session CASCADE")


def test_a_connection_that_breaks_at_the_commit_costs_no_attempt(worker: Living) -> None:
    view = start(losing, loss="break_it", times=0)

    with connection_breaks_at_commit():
        work(worker)
    due_now(view.id)
    work(worker)

    assert get_run(view.id).output == "attempt 1"
    assert Group.objects.count() == 1
    assert [line.kind for line in get_history(view.id)] == [
        "recovered",
        "recovered",
        "step_completed",
        "run_completed",
    ]


def test_a_step_that_always_breaks_its_connection_at_the_commit_is_set_aside(
    worker: Living, settings: Any
) -> None:
    settings.WORKFLOWS = {"max_crashes": 2}
    view = start(losing, loss="break_it", times=0)

    with connection_breaks_at_commit():
        work(worker)

    assert get_run(view.id).state == RunState.BLOCKED


@workflow("tests.loses_in_a_branch")
def losing_together(run: Context) -> list[Any]:
    return list(run.gather(run.call(add_group, "break_it", 1), run.call(add_group, "break_it", 0)))


def test_a_branch_that_loses_its_connection_costs_no_attempt(worker: Living) -> None:
    view = start(losing_together)

    work(worker)

    assert get_run(view.id).output == [1, 1]
    assert Group.objects.count() == 2


def test_a_branch_that_gets_no_connection_is_not_what_breaks_it(worker: Living) -> None:
    driver: Any = getattr(connection, "Database")  # noqa: B009  psycopg, as the backend has it
    here = threading.get_ident()
    view, connect = start(losing_together), driver.connect

    def refuse_the_threads(**wanted: Any) -> Any:
        if threading.get_ident() != here:
            raise psycopg.OperationalError("FATAL: sorry, too many clients already")
        return connect(**wanted)

    with mock.patch.object(driver, "connect", refuse_the_threads):
        work(worker)
    put_off = row(view.id)

    assert (put_off["state"], worker.lost) == ("pending", 0)
    assert get_run(view.id).crashes == 0
    assert notes.done == []
