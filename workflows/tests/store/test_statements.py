"""How many round trips things take. The figures of the guarantees depend on them."""

import pytest
from django.db import connection

from workflows.api import cancel, get_run, send_event, start
from workflows.core.states import RunState
from workflows.engine.drive.drive import drive
from workflows.tests.builders import claim, counted_statements
from workflows.tests.flows import greet_once, greet_three, wait_for_go

FIRST = {"every_head", "fence", "ended"}
"""The names with which a claim, a record and an end begin."""

pytestmark = pytest.mark.usefixtures("committed")


def test_starting_a_run_is_one_statement() -> None:
    start(greet_once, name="Alice")  # opens the connection

    with counted_statements() as sent:
        start(greet_once, name="Bob")

    assert len(sent) == 1


def test_starting_a_run_again_by_its_key_is_three_statements() -> None:
    start(greet_once, key="k", name="Alice")

    with counted_statements() as sent:
        start(greet_once, key="k", name="Alice")

    assert len(sent) == 3


def test_a_fresh_run_of_three_steps_is_claim_three_checkpoints_and_end() -> None:
    view = start(greet_three)

    with counted_statements() as sent:
        drive(claim())

    assert [next(word for word in statement.split() if word in FIRST) for statement in sent] == [
        "every_head",
        "fence",
        "fence",
        "fence",
        "ended",
    ]
    assert get_run(view.id).state == RunState.COMPLETED


def test_a_wait_is_claim_and_park() -> None:
    start(wait_for_go)

    with counted_statements() as sent:
        drive(claim())

    assert len(sent) == 2


def test_an_event_is_one_statement_and_its_run_goes_on_in_five() -> None:
    view = start(wait_for_go)
    drive(claim())

    with counted_statements() as sending:
        send_event(view.id, "go")
    with counted_statements() as driving:
        drive(claim())  # claim, history, inbox, consume, end

    assert (len(sending), len(driving)) == (1, 5)


def test_a_cancel_is_one_statement_between_two_looks_for_children() -> None:
    view = start(wait_for_go)

    with counted_statements() as sent:
        cancel(view.id)

    assert len([sql for sql in sent if "RECURSIVE" in sql]) == 2
    assert len(sent) == 3


def test_the_hot_statements_are_prepared_and_planned_once() -> None:
    start(greet_three)

    drive(claim())

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE NOT from_sql")
        [prepared] = cursor.fetchone()
    assert prepared >= 3  # claim, record, end
