"""What a worker counts in its memory, and when that reaches the statistics."""

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest

from workflows import signals
from workflows.cluster import told_figures
from workflows.cluster.liveness import Liveness
from workflows.core.figures import Counted, Grain
from workflows.core.run import ClaimedRun
from workflows.models import Statistic
from workflows.tests.builders import END_OWN_SESSION, connected
from workflows.tests.counted import ever

pytestmark = pytest.mark.usefixtures("lab")


@pytest.fixture(autouse=True)
def counting(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(told_figures, "_flushed_at", 0.0)
    told_figures.begin()
    yield
    told_figures.end()


def claimed(late_seconds: float) -> None:
    signals.run_claimed.send_robust(
        sender=ClaimedRun,
        run_id=uuid4(),
        workflow="tests.greet",
        version=2,
        attempt=1,
        worker_id=1,
        late_seconds=late_seconds,
    )


def test_how_long_runs_had_been_due_and_whose_writes_were_refused() -> None:
    claimed(0.5)
    claimed(1.5)
    signals.lease_lost.send_robust(
        sender=ClaimedRun, run_id=uuid4(), workflow="tests.greet", attempt=1
    )
    with connected() as own:
        told_figures.flush(own)
        told_figures.flush(own)

    [waited] = Statistic.objects.filter(grain=Grain.MINUTE, what=Counted.CLAIMED)
    assert (waited.version, waited.count, waited.seconds, sum(waited.buckets)) == (2, 2, 2.0, 2)
    assert ever(Counted.FENCED) == {"": 1}


def test_the_worker_s_own_session_adds_them() -> None:
    claimed(0.5)
    liveness = Liveness()
    liveness.worker_id()
    try:
        liveness._tick()
    finally:
        liveness.lose()

    assert ever(Counted.CLAIMED) == {"": 1}
    assert not told_figures.are_due()


def test_they_are_added_every_few_seconds_only() -> None:
    claimed(0.5)
    assert told_figures.are_due()
    with connected() as own:
        told_figures.flush(own)
    claimed(0.5)

    assert not told_figures.are_due()


def test_what_the_database_refuses_is_kept_for_the_next_time() -> None:
    claimed(0.5)
    with connected() as own:
        own.execute("SET default_transaction_read_only = on")
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            told_figures.flush(own)
        own.execute("SET default_transaction_read_only = off")
        told_figures.flush(own)

    assert ever(Counted.CLAIMED) == {"": 1}


def test_what_a_lost_session_may_have_added_is_not_added_again() -> None:
    claimed(0.5)
    with connected() as own:
        with pytest.raises(psycopg.Error):
            own.execute(END_OWN_SESSION)
        with pytest.raises(psycopg.Error):
            told_figures.flush(own)
    with connected() as own:
        told_figures.flush(own)

    assert ever(Counted.CLAIMED) == {}
