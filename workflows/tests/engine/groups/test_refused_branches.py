"""A branch that the database refuses ends the drive, whatever its siblings meet meanwhile."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from workflows.api import Context, RetryPolicy, RunState, get_run, start, step, workflow
from workflows.tests.builders import end_session, run_sql, until
from workflows.tests.engine.workers import work
from workflows.tests.flows import ONCE, notes

pytestmark = pytest.mark.usefixtures("committed")

REFUSE = """
    CREATE SEQUENCE refused;
    CREATE FUNCTION refuse_line() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.name = 'plain' THEN
            PERFORM nextval('refused');  -- is not rolled back
            RAISE EXCEPTION 'no' USING ERRCODE = 'insufficient_privilege';
        ELSIF NEW.name = 'atomic' AND NEW.kind = 'step_completed' THEN
            RAISE EXCEPTION 'conflict' USING ERRCODE = 'serialization_failure';
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER refuse_line BEFORE INSERT ON workflows_history FOR EACH ROW
    EXECUTE FUNCTION refuse_line()
"""


@pytest.fixture
def refusing(committed: None) -> Iterator[None]:
    """Let the database refuse one step's record, and find the other's in conflict."""
    run_sql(REFUSE)
    try:
        yield
    finally:
        run_sql("DROP FUNCTION refuse_line CASCADE")
        run_sql("DROP SEQUENCE refused")


def refused_already() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT is_called FROM refused")
        return bool(cursor.fetchone()[0])


@step(retry=ONCE)
def plain() -> None:
    notes.note("plain")


@step(atomic=True, retry=RetryPolicy(attempts=2, first_delay_seconds=3600))
def atomic() -> None:
    notes.note("atomic")
    until(refused_already)


@workflow("tests.refused_branches")
def branches(run: Context) -> list[Any]:
    return run.gather(run.call(plain), run.call(atomic))


@pytest.mark.usefixtures("refusing")
def test_a_conflict_of_one_branch_does_not_undo_the_refusal_of_another() -> None:
    view = start(branches)

    drives = work()

    assert notes.count("plain") == drives
    assert get_run(view.id).state == RunState.PENDING


def cut_the_drive() -> None:
    """End the session of the drive that these branches belong to, once."""
    if not cut.is_set():
        end_session(drives_session[0])
        cut.set()


@step(retry=ONCE)
def branch(name: str) -> str:
    """Return once the drive's connection is gone."""
    notes.note(name)
    if name == "first":
        cut_the_drive()
    until(cut.is_set)
    return name


@workflow("tests.cut_group")
def cut_group(run: Context, names: list[str]) -> list[str]:
    drives_session[:] = [connection.connection.info.backend_pid]
    return run.gather(*[run.call(branch, name) for name in names])


drives_session: list[int] = []
cut = threading.Event()


def test_a_connection_that_breaks_costs_a_group_one_record_only() -> None:
    cut.clear()
    names = ["first", "second", "third"]
    view = start(cut_group, names=names)

    work()

    assert get_run(view.id).output == names
    assert len(notes.done) == len(names) + 1
