"""What the table of endings asks for is written; a write that is refused is followed by the right one."""

from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
from django.db.models import F

from workflows import signals
from workflows.api import Context, RunState, Workflow, cancel, get_run, start, workflow
from workflows.core.endings import Ending
from workflows.core.run import ClaimedRun, Park
from workflows.core.unwind import Drain, StoreFailed, Suspend
from workflows.definitions.workflow import workflow_definition
from workflows.engine.drive.carry_out import carry_out
from workflows.engine.drive.ended import Ended
from workflows.engine.session.session import Session
from workflows.models import Run
from workflows.testing import drive_until_idle
from workflows.tests.builders import claim, give_to_another
from workflows.tests.engine.trips import trip

pytestmark = pytest.mark.django_db

ENDINGS = {
    "returned": Ended(Ending.RETURNED, output='"late"'),
    "raised": Ended(Ending.RAISED, ValueError("late")),
    "suspended": Ended(Ending.SUSPENDED, Suspend(Park(seconds=1))),
    "drained": Ended(Ending.DRAINED, Drain()),
    "mismatch": Ended(Ending.MISMATCH, ValueError("late")),
}
EACH = pytest.mark.parametrize("ended", ENDINGS.values(), ids=ENDINGS.keys())


@workflow("tests.carried_out")
def carried_out(run: Context) -> None: ...


@pytest.fixture
def losses() -> Iterator[mock.Mock]:
    """Listen to who has lost a run."""
    heard = mock.Mock()
    signals.lease_lost.connect(heard, weak=False)
    yield heard
    signals.lease_lost.disconnect(heard)


def session_of(function: Workflow[..., Any]) -> Session:
    start(function)
    return of_claimed(claim(), function)


def of_claimed(run: ClaimedRun, function: Workflow[..., Any]) -> Session:
    return Session(run, workflow_definition(function), lambda: False)


@EACH
def test_a_run_that_was_cancelled_meanwhile_is_cancelled_and_nothing_else(
    ended: Ended, losses: mock.Mock
) -> None:
    session = session_of(carried_out)
    cancel(session.run.id)

    carry_out(session, ended)

    assert get_run(session.run.id).state == RunState.CANCELLED
    assert not losses.called


@EACH
def test_a_run_that_belongs_to_somebody_else_is_left_alone_and_the_loss_is_told(
    ended: Ended, losses: mock.Mock
) -> None:
    session = session_of(carried_out)
    give_to_another(session.run)

    carry_out(session, ended)

    assert get_run(session.run.id).state == RunState.RUNNING
    assert losses.call_count == 1


def test_a_worker_that_stops_while_it_undoes_tells_when_the_run_is_not_its_own_any_more(
    losses: mock.Mock,
) -> None:
    run = start(trip, fails=False)
    drive_until_idle()
    cancel(run.id)
    session = of_claimed(claim(), trip)
    Run.objects.filter(pk=run.id).update(wake_at=F("created_at"))
    claim()

    carry_out(session, ENDINGS["drained"])

    assert losses.call_count == 1


def test_a_worker_that_stops_while_it_undoes_gives_the_run_back_at_once() -> None:
    run = start(trip, fails=False)
    drive_until_idle()
    cancel(run.id)

    carry_out(of_claimed(claim(), trip), ENDINGS["drained"])

    assert (claim().id, get_run(run.id).state) == (run.id, RunState.COMPENSATING)


def test_a_database_that_failed_is_the_callers_concern() -> None:
    session = session_of(carried_out)
    failed = StoreFailed(OSError("away"))

    with pytest.raises(StoreFailed) as raised:
        carry_out(session, Ended(Ending.STORE_FAILED, failed))

    assert raised.value is failed
    assert get_run(session.run.id).state == RunState.RUNNING
