"""A worker between two runs."""

from collections.abc import Iterator

import pytest
from django.test import override_settings

from workflows import tasks
from workflows.cluster import shared, worker

shared_numbers = (shared.busy_workers, shared.looks, shared.empty_looks)


@pytest.fixture(autouse=True)
def nobody_there() -> Iterator[None]:
    """Begin and end without traces of workers, of which each drives one run at a time."""
    shared.reset()
    with override_settings(WORKFLOWS={"slots": 1}):
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

    tasks.drive_due()

    assert numbers() == (0, 1, in_vain)


def test_a_failure_between_two_runs_is_told_and_never_reaches_django_q2(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def work_off(holder: object, **given: object) -> int:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(worker, "work_off", work_off)

    tasks.drive_due()

    assert numbers() == (0, 1, 1)
    assert "a bug" in caplog.text
