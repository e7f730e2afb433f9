"""Every statement of the engine goes through one place, where a test can see it and set its clock."""

import ast
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError, connection, transaction
from django.db.transaction import TransactionManagementError
from django.db.utils import DataError
from psycopg.errors import SerializationFailure

import workflows
from workflows.api import (
    RunIsOver,
    RunState,
    cancel,
    get_run,
    heartbeat,
    send_event,
    start,
    step,
    workflow,
)
from workflows.core.running_steps import HeldRun
from workflows.engine.drive.drive import drive
from workflows.engine.verbs.context import Context
from workflows.models import Event, History, Run, Worker
from workflows.store.database import Connection, Send, intercepted, query, query_one, set_clock
from workflows.store.isolation import isolate
from workflows.store.queue import look_ahead
from workflows.store.statement import NOW, STATEMENT_TIME, Statement
from workflows.store.sweep import sweep
from workflows.store.workers import (
    enlist,
    extend_leases,
    forget_the_dead,
    living_workers,
    open_connection,
)
from workflows.tests.builders import (
    PATIENCE_SECONDS,
    claim,
    connected,
    counted_statements,
    elsewhere,
    end_session,
    run_sql,
    start_a_child,
)
from workflows.tests.flows import greet_three, wait_for_go

ENGINE = Path(workflows.__file__).parent
SENDS = {"execute", "executemany", "cursor", "stream", "copy"}
SEND_BY_THEMSELVES = {
    "store/database.py": "the one place",
    "apps.py": "the triggers, after a migrate without migrations",
    "store/read_only.py": "tells PostgreSQL that nothing is to be written",
    "testing/rows.py": "the kit compares the rows of the project's own tables",
}
READ_THROUGH_THE_ORM = {
    "admin.py": "the worker that holds a run, for the run's page",
    "console/related.py": "children and events of a run, for its page",
    "store/state_counts.py": "how many runs there are in each state, by any filter",
    "store/views.py": "runs for readers outside, by any of their columns",
    "store/found_runs.py": "runs for readers outside and verbs on many, by any of their columns",
    "models/run.py": "what counts as progress, as a part of those reads",
    "testing/clock.py": "whether there is a run to which time can pass",
    "testing/crashes.py": "which runs were there before",
    "testing/driving.py": "what is due next",
    "testing/killing.py": "which leases a dead worker held",
    "testing/outcomes.py": "runs, history and events, to be compared",
}
TELL_THE_TIME = {
    "store/statement.py": "the clock of all statements",
    "models/clock.py": "the columns' defaults, for rows made without the engine",
    "store/diagnosis/server.py": "the server's own clock is what is looked at",
}
a_second = Statement("SELECT 1")


@step
def beats() -> None:
    heartbeat()


@workflow("tests.beats")
def beating(run: Context) -> None:
    run.step(beats)


def sources() -> Iterator[tuple[str, str]]:
    """Yield the engine's own files: its tests and migrations are left out."""
    for path in sorted(ENGINE.rglob("*.py")):
        name = path.relative_to(ENGINE).as_posix()
        if not name.startswith(("tests/", "migrations/")):
            yield name, path.read_text()


def attributes(text: str) -> set[str]:
    return {node.attr for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute)}


def called(text: str) -> set[str]:
    calls = (node.func for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))
    return {function.attr for function in calls if isinstance(function, ast.Attribute)}


class Recorder:
    """Sees what the engine sends, and on which connection."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.on: list[Connection | None] = []

    def __call__(self, send: Send, statement: Statement, params: Any, on: Connection | None) -> Any:
        self.sent.append(statement.text)
        self.on.append(on)
        return send(statement, params, on)


def test_nobody_else_touches_a_cursor() -> None:
    found = {name for name, text in sources() if called(text) & SENDS}

    assert found == set(SEND_BY_THEMSELVES)


def test_who_reads_through_the_orm_is_listed() -> None:
    managers = {"objects", "_default_manager", "_base_manager"}

    found = {name for name, text in sources() if attributes(text) & managers}

    assert found == set(READ_THROUGH_THE_ORM)


def test_nobody_else_asks_the_servers_clock() -> None:
    clocks = ["clock_timestamp", "statement_timestamp", "transaction_timestamp", "CURRENT_TIME"]
    found = {name for name, text in sources() if any(clock in text for clock in clocks)}

    assert found == set(TELL_THE_TIME)


@pytest.mark.usefixtures("committed")
def test_whatever_psycopg_is_given_by_the_engine_has_passed_the_one_place() -> None:
    recorder = Recorder()

    with counted_statements() as given, intercepted(recorder):
        everything_an_engine_does()

    # Django begins a connection with the time zone where the server has another than UTC.
    begun = "SELECT set_config('TimeZone'"
    bounds = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", 'SELECT "workflows_', "SELECT 1 AS", begun)
    by_the_engine = [sql for sql in given if not sql.startswith(bounds)]
    assert by_the_engine == recorder.sent
    assert len(recorder.sent) > 25
    assert (
        len({id(on) for on in recorder.on}) == 4
    )  # Django's, the worker's, the bell's, the beats'


def everything_an_engine_does() -> None:
    start(greet_three, key="k")
    drive(claim())
    waiting = start(wait_for_go)
    drive(claim())
    send_event(waiting.id, "go")
    drive(claim())
    start(beating)
    drive(claim())
    start(greet_three)
    start_a_child(claim())
    with connected_as_worker() as own:
        look_ahead(own, limit=1)
        extend_leases(own, [HeldRun(waiting.id, 1)], worker_id=1, lease_seconds=1)
        sweep(own, max_crashes=1)
        forget_the_dead(own)
    living_workers()
    with transaction.atomic():
        isolate("serializable")


def connected_as_worker() -> Connection:
    open_connection(listen=True).close()
    own = open_connection()
    enlist(own, host="here", pid=os.getpid())
    return own


@pytest.mark.django_db
def test_an_interceptor_may_refuse_whatever_name_the_sender_goes_by() -> None:
    def refuse(send: Send, statement: Statement, params: Any, on: Connection | None) -> Any:
        raise ConnectionAbortedError

    for send in (query, query_one):  # imported before, by this module
        with intercepted(refuse), pytest.raises(ConnectionAbortedError):
            send(a_second)

    assert query_one(a_second) == (1,)


@pytest.mark.django_db
def test_the_inner_of_two_interceptors_sends_through_the_outer() -> None:
    outer, inner = Recorder(), Recorder()

    with intercepted(outer):
        with intercepted(inner):
            query(a_second)
        query(a_second)

    assert (len(outer.sent), len(inner.sent)) == (2, 1)


@pytest.mark.django_db
def test_an_error_is_djangos_on_djangos_connection() -> None:
    with pytest.raises(DataError), transaction.atomic():
        query(Statement("SELECT 1/0"))


def test_a_statement_reads_the_servers_clock_or_one_ahead_of_it() -> None:
    statement = Statement(f"SELECT {NOW}, {STATEMENT_TIME}")

    later = statement.ahead_by(timedelta(seconds=1))

    assert statement.text == "SELECT clock_timestamp(), statement_timestamp()"
    assert later == (
        "SELECT (clock_timestamp() + interval '1000000 microseconds'), "
        "(statement_timestamp() + interval '1000000 microseconds')"
    )


@pytest.mark.usefixtures("committed", "ten_days_ahead")
def test_whatever_the_engine_inserts_is_dated_by_the_clock_that_is_set() -> None:
    [[earliest]] = query(Statement("SELECT clock_timestamp() + interval '9 days'"))

    everything_an_engine_does()

    dates: list[Any] = [
        *Run.objects.values_list("created_at", flat=True),
        *History.objects.values_list("at", flat=True),
        *Event.objects.values_list("sent_at", flat=True),
        *Worker.objects.values_list("started_at", flat=True),
    ]
    assert len(dates) > 15
    assert min(dates) > earliest


@pytest.fixture
def ten_days_ahead() -> Iterator[None]:
    set_clock(lambda: timedelta(days=10))
    yield
    set_clock(None)


@pytest.mark.django_db
def test_a_statement_goes_out_on_the_connection_that_is_named() -> None:
    who = Statement("SELECT pg_backend_pid()")

    with connected() as own:
        assert query_one(who, on=own) == (own.info.backend_pid,)
        assert query_one(who) != (own.info.backend_pid,)


@pytest.mark.django_db
def test_nothing_is_written_into_a_transaction_that_can_only_be_rolled_back() -> None:
    with transaction.atomic():
        transaction.set_rollback(True)
        with pytest.raises(TransactionManagementError):
            query(a_second)


SENDERS, EVENTS = 4, 50
SET_ISOLATION = "SET default_transaction_isolation = 'repeatable read'"


@pytest.mark.usefixtures("committed")
def test_a_database_above_read_committed_refuses_no_statement_of_the_engine() -> None:
    """Events to one run, from senders at the same time: each finds the row changed since it began."""
    run = start(wait_for_go)

    def send_many() -> None:
        run_sql(SET_ISOLATION)
        for _ in range(EVENTS):
            send_event(run.id, "news")

    senders = [elsewhere(send_many) for _ in range(SENDERS)]
    for sender in senders:
        sender.result(PATIENCE_SECONDS)

    assert Event.objects.filter(run_id=run.id).count() == SENDERS * EVENTS


@pytest.mark.usefixtures("committed")
def test_a_cancel_above_read_committed_tries_again() -> None:
    runs = [start(wait_for_go) for _ in range(20)]

    def both(act: Callable[[UUID], object]) -> None:
        run_sql(SET_ISOLATION)
        for run in runs:
            act(run.id)

    def send(run_id: UUID) -> None:
        with suppress(RunIsOver):
            send_event(run_id, "news")

    others = [elsewhere(partial(both, act)) for act in (cancel, send, send)]
    for other in others:
        other.result(PATIENCE_SECONDS)

    assert {get_run(run.id).state for run in runs} == {RunState.CANCELLED}


@pytest.mark.usefixtures("committed")
def test_a_conflict_in_a_callers_transaction_is_the_callers() -> None:
    run = start(wait_for_go)

    with pytest.raises(OperationalError) as failed, transaction.atomic():
        isolate("repeatable read")
        get_run(run.id)
        elsewhere(lambda: send_event(run.id, "first")).result(PATIENCE_SECONDS)
        send_event(run.id, "second")

    assert isinstance(failed.value.__cause__, SerializationFailure)


@pytest.mark.usefixtures("committed")
def test_a_connection_that_broke_between_two_requests_is_noticed_where_django_would() -> None:
    def in_the_next_request() -> object:
        connection.health_check_enabled = True  # type: ignore[attr-defined]
        connection.ensure_connection()
        elsewhere(partial(end_session, connection.connection.info.backend_pid)).result(10)
        connection.close_if_unusable_or_obsolete()  # what a request begins with
        return query_one(a_second)

    assert elsewhere(in_the_next_request).result(PATIENCE_SECONDS) == (1,)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("options", "prepared"), [({}, 1), ({"prepare_threshold": None}, 0)], ids=["unsaid", "none"]
)
def test_statements_are_prepared_unless_the_options_say_none(
    options: dict[str, None], prepared: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = connection.settings_dict["OPTIONS"]
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {**ours, **options})
    connection.ensure_connection()
    connection.connection.prepare_threshold = None  # as Django opens it
    asked = Statement("SELECT 'asked of the database'")

    query(asked)

    found = Statement("SELECT count(*) FROM pg_prepared_statements WHERE statement = %s")
    assert query(found, [asked.text]) == [(prepared,)]
