"""History has one outcome for each position, and nobody changes it."""

from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction

from workflows.core.history import HistoryKind
from workflows.core.run import ClaimedRun, Fact
from workflows.models import History, Run
from workflows.store.history import append, load_history
from workflows.tests.builders import started_and_claimed
from workflows.tests.flows import greet_once

pytestmark = pytest.mark.django_db


def fact(position: int, *, part: int = 0, name: str = "a") -> Fact:
    kind = HistoryKind.ATTEMPT_FAILED if part else HistoryKind.STEP_COMPLETED
    return Fact(kind=kind, position=position, part=part, name=name, data='{"b": 1, "a": [1.0]}')


def held() -> ClaimedRun:
    return started_and_claimed(greet_once, name="Alice")


def test_what_append_reports_is_what_a_load_returns() -> None:
    run = held()

    written = append(run, fact(1))

    assert written is not None
    assert [written.entry] == load_history(run.id)
    assert repr(written.entry) == repr(load_history(run.id)[0])


def test_a_position_takes_one_outcome() -> None:
    run = held()
    append(run, fact(1))

    with pytest.raises(IntegrityError, match="history_once"), transaction.atomic():
        append(run, fact(1, name="b"))

    assert [entry.name for entry in load_history(run.id)] == ["a"]


def test_a_position_takes_each_failed_attempt_once() -> None:
    run = held()
    append(run, fact(1, part=1))
    append(run, fact(1, part=2))

    with pytest.raises(IntegrityError, match="history_once"), transaction.atomic():
        append(run, fact(1, part=2))

    assert [entry.part for entry in load_history(run.id)] == [1, 2]


def one_line() -> UUID:
    run = held()
    append(run, fact(1))
    return run.id


def test_a_line_cannot_be_changed() -> None:
    run_id = one_line()

    with pytest.raises(IntegrityError, match="append-only: UPDATE refused"), transaction.atomic():
        History.objects.filter(run_id=run_id).update(name="b")

    assert load_history(run_id)[0].name == "a"


def test_a_line_cannot_be_deleted() -> None:
    run_id = one_line()

    with pytest.raises(IntegrityError, match="append-only: DELETE refused"), transaction.atomic():
        History.objects.filter(run_id=run_id).delete()

    assert len(load_history(run_id)) == 1


def test_a_run_with_history_cannot_be_deleted() -> None:
    run_id = one_line()

    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        Run.objects.get(pk=run_id).delete()

    assert Run.objects.filter(pk=run_id).exists()


def test_a_transaction_that_says_it_prunes_may_delete_but_not_change() -> None:
    run_id = one_line()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL workflows.pruning = 'on'")

    with pytest.raises(IntegrityError, match="UPDATE refused"), transaction.atomic():
        History.objects.filter(run_id=run_id).update(name="b")
    Run.objects.get(pk=run_id).delete()

    assert not History.objects.filter(run_id=run_id).exists()
