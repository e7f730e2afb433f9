"""Parking: by the database's clock, on condition that no event came, recorded in the same breath."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction

from workflows.api import start
from workflows.core.history import HistoryKind
from workflows.core.run import ClaimedRun, Fact, Park
from workflows.core.time_checks import deadline
from workflows.models import Run
from workflows.store.events import load_inbox, send_event
from workflows.store.history import load_history
from workflows.store.parking import park_run
from workflows.store.runs import look
from workflows.tests.builders import (
    PATIENCE_SECONDS,
    claim,
    connected,
    elsewhere,
    row,
    somebody_waits_for_a_lock,
    started_and_claimed,
    until,
)
from workflows.tests.flows import wait_for_go

WAIT = Park(
    waiting_for=("go",),
    fact=Fact(kind=HistoryKind.WAIT_STARTED, position=1, part=1, data='{"names": ["go"]}'),
)
NEW_YEAR = datetime(2100, 1, 1, tzinfo=UTC)


def held() -> ClaimedRun:
    return started_and_claimed(wait_for_go)


def send(run: ClaimedRun, name: str = "go") -> None:
    send_event(run.id, name=name, payload="1", key=None)


@pytest.mark.django_db
def test_a_parked_run_holds_nothing_but_its_row() -> None:
    start(wait_for_go)
    run = claim(worker_id=7)

    assert park_run(run, WAIT, if_events=0)

    stored = row(run.id)
    assert (stored["state"], stored["waiting_for"], stored["wake_at"]) == ("waiting", ["go"], None)
    assert (stored["worker_id"], stored["lease_until"]) == (None, None)


@pytest.mark.django_db
def test_the_time_limit_counts_from_the_park_and_is_recorded_to_the_microsecond() -> None:
    run = held()

    park_run(run, Park(seconds=90, fact=WAIT.fact))

    wake_at, [line] = row(run.id)["wake_at"], load_history(run.id)
    assert datetime.fromisoformat(line.data["until"]) == wake_at
    assert wake_at - run.now >= timedelta(seconds=90)
    assert wake_at - run.now < timedelta(seconds=100)


@pytest.mark.django_db
def test_a_given_time_is_taken_as_it_is() -> None:
    run = held()

    park_run(run, Park(until=NEW_YEAR))

    assert row(run.id)["wake_at"] == NEW_YEAR


@pytest.mark.django_db
def test_a_deadline_wakes_the_run_sooner_and_the_line_tells_the_time_asked_for() -> None:
    run = held()
    Run.objects.filter(pk=run.id).update(deadline=datetime(2099, 1, 1, tzinfo=UTC))

    park_run(run, Park(until=NEW_YEAR, fact=WAIT.fact))

    [line] = load_history(run.id)
    assert row(run.id)["wake_at"] == datetime(2099, 1, 1, tzinfo=UTC)
    assert deadline(line) == NEW_YEAR


@pytest.mark.django_db
def test_a_deadline_does_not_hurry_a_run_that_undoes_its_steps() -> None:
    """It would try again and again, without the pause between two attempts."""
    run = held()
    Run.objects.filter(pk=run.id).update(
        state="compensating", deadline=datetime(2026, 1, 1, tzinfo=UTC)
    )

    park_run(run, Park(until=NEW_YEAR))

    stored = row(run.id)
    assert (stored["state"], stored["wake_at"]) == ("compensating", NEW_YEAR)


@pytest.mark.django_db
def test_a_park_at_a_count_of_events_that_never_was_is_refused() -> None:
    run = held()

    assert not park_run(run, WAIT, if_events=1)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "kind", [HistoryKind.ATTEMPT_FAILED, HistoryKind.COMPENSATION_ATTEMPT_FAILED]
)
def test_a_failed_attempt_records_when_the_next_one_comes(kind: HistoryKind) -> None:
    run = held()
    failed = Fact(kind=kind, position=1, part=1, name="a", data="{}")

    park_run(run, Park(seconds=5, fact=failed))

    [line] = load_history(run.id)
    assert datetime.fromisoformat(line.data["retry_at"]) == row(run.id)["wake_at"]


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["go", "something else"])
def test_an_event_between_the_look_and_the_park_refuses_the_park(name: str) -> None:
    run = held()
    send(run, name)

    parked = park_run(run, WAIT, if_events=run.events)

    assert not parked
    assert row(run.id)["state"] == "running"
    assert load_history(run.id) == []
    assert look(run) == ("running", 1)
    assert [event.name for event in load_inbox(run.id)] == [name]


@pytest.mark.django_db
def test_a_park_that_looks_at_no_events_is_not_refused_by_them() -> None:
    run = held()
    send(run)

    assert park_run(run, Park(seconds=5))


@pytest.mark.usefixtures("committed")
def test_a_park_waits_for_an_event_that_is_being_sent_and_is_refused() -> None:
    run = held()

    with transaction.atomic():
        send(run)
        parked = elsewhere(lambda: park_run(run, WAIT, if_events=0))
        until(somebody_waits_for_a_lock)

    assert parked.result(PATIENCE_SECONDS) is False
    assert row(run.id)["state"] == "running"


@pytest.mark.usefixtures("committed")
def test_a_park_stands_when_the_event_that_was_being_sent_is_rolled_back() -> None:
    run = held()

    with transaction.atomic():
        send(run)
        parked = elsewhere(lambda: park_run(run, WAIT, if_events=0))
        until(somebody_waits_for_a_lock)
        transaction.set_rollback(True)

    assert parked.result(PATIENCE_SECONDS) is True
    assert row(run.id)["state"] == "waiting"


@pytest.mark.usefixtures("committed")
def test_an_event_that_waited_behind_the_park_wakes_the_run() -> None:
    run = held()

    with transaction.atomic():
        park_run(run, WAIT, if_events=0)
        sent = elsewhere(lambda: send(run))
        until(somebody_waits_for_a_lock)
    sent.result(PATIENCE_SECONDS)

    stored = row(run.id)
    assert (stored["state"], stored["events"]) == ("waiting", 1)
    assert stored["wake_at"] is not None


@pytest.mark.usefixtures("committed")
@pytest.mark.parametrize(("seconds", "rings"), [(0.0, 1), (0.5, 1), (60.0, 0), (None, 0)])
def test_the_bell_rings_only_for_what_falls_due_before_the_next_poll(
    seconds: float | None, rings: int
) -> None:
    run = held()

    with connected() as own:
        own.execute("LISTEN workflows_due")
        park_run(run, Park(seconds=seconds))
        connection.close()
        own.execute("SELECT 1")
        heard = list(own.notifies(timeout=0))

    assert len(heard) == rings
