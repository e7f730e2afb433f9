"""A worker between two runs."""

import os
import threading
from collections.abc import Iterator

import pytest
from django_q.cluster import get_mp_context

from workflows import tasks
from workflows.cluster import process, shared, worker

shared_numbers = (shared.busy_workers, shared.looks, shared.empty_looks)


@pytest.fixture(autouse=True)
def nobody_there() -> Iterator[None]:
    """Begin and end without traces of workers."""
    shared.reset()
    yield
    shared.reset()


def numbers() -> tuple[int, ...]:
    """Return busy workers, looks, and looks in vain."""
    return tuple(number() for number in shared_numbers)


@pytest.mark.parametrize(("driven", "in_vain"), [(0, 1), (3, 0)])
def test_every_call_is_answered_by_one_look(
    monkeypatch: pytest.MonkeyPatch, driven: int, in_vain: int
) -> None:
    def work_off(holder: object, *, stopping: object, looked: object) -> int:
        looked()  # type: ignore[operator]
        assert numbers() == (1, 1, 0)
        return driven

    monkeypatch.setattr(worker, "work_off", work_off)

    assert tasks.drive_due() == driven
    assert numbers() == (0, 1, in_vain)


def test_a_failure_between_two_runs_is_told_and_never_reaches_django_q2(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def work_off(holder: object, **given: object) -> int:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(worker, "work_off", work_off)

    assert tasks.drive_due() == 0
    assert numbers() == (0, 1, 1)
    assert "a bug" in caplog.text


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
