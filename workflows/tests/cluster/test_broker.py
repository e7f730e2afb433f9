"""What the broker hands to django-q2."""

import pytest
from django_q.signing import SignedPackage

from workflows.cluster.broker import RunBroker


@pytest.fixture
def broker() -> RunBroker:
    """Return the broker as the sentinel makes it."""
    return RunBroker()


def test_a_called_worker_gets_a_task_that_carries_nothing(
    broker: RunBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker._bell, "wait", lambda: 2)

    first, second = broker.dequeue()

    assert first == second
    ack_id, package = first
    task = SignedPackage.loads(package)
    assert (ack_id, task["func"]) == (None, "workflows.tasks.drive_due")
    assert (task["args"], task["kwargs"]) == ((), {})


def test_the_sentinel_opens_no_connection_and_no_cache_before_it_forks(broker: RunBroker) -> None:
    assert broker._bell._own is None
    assert broker.cache is None
    assert broker.ping()


def test_there_is_nothing_to_acknowledge(broker: RunBroker) -> None:
    broker.acknowledge(None)
    broker.fail(None)
