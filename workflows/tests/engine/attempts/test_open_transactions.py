"""Whatever a step does to the database connection, it fails alone."""

import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError, connection, transaction

from workflows.api import Context, RunState, get_history, step, workflow
from workflows.core.history import HistoryKind
from workflows.tests.builders import END_OWN_SESSION, driven, elsewhere, row, run_sql
from workflows.tests.flows import ONCE, greet, notes

pytestmark = pytest.mark.usefixtures("committed")


def open_block() -> None:
    Group.objects.create(name="left open")
    transaction.atomic().__enter__()
    Group.objects.create(name="left open too")


def open_block_and_raise() -> None:
    open_block()
    raise ValueError("in the middle")


def begin_by_hand() -> None:
    run_sql("BEGIN")
    Group.objects.create(name="left open")


def switch_autocommit_off() -> None:
    transaction.set_autocommit(False)
    Group.objects.create(name="left open")


def break_the_transaction_and_go_on() -> None:
    with transaction.atomic():
        try:
            run_sql("SELECT 1 / 0")
        except DatabaseError:
            notes.note("swallowed")


def swallow_a_database_error() -> None:
    try:
        run_sql("SELECT 1 / 0")
    except DatabaseError:
        notes.note("swallowed")


def swallow_a_broken_connection() -> None:
    try:
        run_sql(END_OWN_SESSION)
    except DatabaseError:
        notes.note("swallowed")


def break_the_connection() -> None:
    run_sql(END_OWN_SESSION)


def close_the_connection() -> None:
    connection.close()


def close_the_driver_s_connection() -> None:
    """Django does not hear of it."""
    connection.ensure_connection()
    connection.connection.close()


def breach_a_deferred_constraint() -> None:
    run_sql(
        "INSERT INTO workflows_event (run_id, name, payload) VALUES (gen_random_uuid(), 'a', '{}')"
    )


def breach_a_constraint() -> None:
    Group.objects.create(name="twice")
    Group.objects.create(name="twice")


DEEDS = {
    deed.__name__: deed
    for deed in (
        open_block,
        open_block_and_raise,
        begin_by_hand,
        switch_autocommit_off,
        break_the_transaction_and_go_on,
        swallow_a_database_error,
        swallow_a_broken_connection,
        break_the_connection,
        close_the_connection,
        close_the_driver_s_connection,
        breach_a_deferred_constraint,
        breach_a_constraint,
    )
}


@step(retry=ONCE)
def misbehave(deed: str) -> str:
    DEEDS[deed]()
    return "done"


@step(retry=ONCE, atomic=True)
def misbehave_atomically(deed: str) -> str:
    DEEDS[deed]()
    return "done"


@workflow("tests.misbehave")
def misbehaving(run: Context, deed: str, atomic: bool) -> list[str]:
    function = misbehave_atomically if atomic else misbehave
    try:
        outcome = run.step(function, deed)
    except Exception as exc:
        outcome = type(exc).__name__
    return [outcome, run.step(greet, "Bob")]


def connection_is_clean() -> bool:
    return connection.get_autocommit() and not connection.in_atomic_block


def committed_groups() -> list[str]:
    """Return the groups that another connection sees."""
    return elsewhere(lambda: list(Group.objects.values_list("name", flat=True))).result(10)


FAILS = {
    "open_block",
    "open_block_and_raise",
    "begin_by_hand",
    "switch_autocommit_off",
    "break_the_connection",
    "breach_a_deferred_constraint",
    "breach_a_constraint",
}
"""Where the step itself succeeds, or had its transaction rolled back by Django, it is recorded."""


@pytest.mark.parametrize("deed", DEEDS)
def test_a_step_that_misbehaves_fails_alone(deed: str) -> None:
    view = driven(misbehaving, deed=deed, atomic=False)

    seen_by_others = elsewhere(lambda: row(view.id)).result(10)
    assert seen_by_others["state"] == RunState.COMPLETED
    assert view.output == ["StepFailed" if deed in FAILS else "done", "Hello, Bob"]
    assert connection_is_clean()


NOT_ATOMICALLY = {
    # Within a transaction Django refuses to switch autocommit off, and PostgreSQL lets BEGIN pass.
    "switch_autocommit_off",
    "begin_by_hand",
    # test_connection_loss.py
    "break_the_connection",
    "swallow_a_broken_connection",
}


@pytest.mark.parametrize("deed", sorted(set(DEEDS) - NOT_ATOMICALLY))
def test_an_atomic_step_that_misbehaves_fails_alone_and_leaves_nothing(deed: str) -> None:
    view = driven(misbehaving, deed=deed, atomic=True)

    seen_by_others = elsewhere(lambda: row(view.id)).result(10)
    assert seen_by_others["state"] == RunState.COMPLETED
    assert view.output == ["StepFailed", "Hello, Bob"]
    assert committed_groups() == []
    assert connection_is_clean()


def test_what_a_step_left_open_is_rolled_back() -> None:
    driven(misbehaving, deed="begin_by_hand", atomic=False)

    assert committed_groups() == []


def test_history_says_what_the_step_left_behind() -> None:
    view = driven(misbehaving, deed="open_block", atomic=False)

    [failed] = [each for each in get_history(view.id) if each.kind == HistoryKind.STEP_FAILED]
    assert "left a transaction open" in failed.data["error"]["message"]
