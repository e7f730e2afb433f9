"""The cluster's own process watches its sentinel."""

import os
import threading
from collections.abc import Iterator

import pytest
from django_q.cluster import get_mp_context

from workflows.cluster import process, shared
from workflows.tests.cluster.slots import as_a_worker


@pytest.fixture(autouse=True)
def nobody_there() -> Iterator[None]:
    """Begin and end without traces of workers."""
    shared.reset()
    yield
    shared.reset()


class Cluster:
    """As much of a cluster as the watch needs."""

    def __init__(self) -> None:
        self.stop_event = threading.Event()
        self.sentinel = get_mp_context().Process(target=hang, args=(os.getpid(),))
        self.sentinel.start()


def hang(parent: int) -> None:
    """Do nothing until killed."""
    while os.getppid() == parent:
        threading.Event().wait(0.1)


def test_a_sentinel_that_hangs_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "SILENCE_SECONDS", 0.3)
    cluster = Cluster()

    process._Watch(cluster).until_it_ends()  # type: ignore[arg-type]

    assert cluster.sentinel.exitcode == -9
    assert not cluster.stop_event.is_set()


def test_a_stop_reaches_a_sentinel_that_was_only_being_made_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shared, "stopping", lambda: True)
    cluster = Cluster()

    process._Watch(cluster).until_it_ends()  # type: ignore[arg-type]

    assert cluster.stop_event.is_set()
    assert cluster.sentinel.exitcode == -9


def test_whoever_lived_when_a_hanging_sentinel_was_killed_is_not_to_blame(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(process, "SILENCE_SECONDS", 0.3)
    with as_a_worker():
        shared.set_holding(True)

        process._Watch(Cluster()).until_it_ends()  # type: ignore[arg-type]

        assert [holder.spared for holder in shared.holders()] == [True]
