"""One timer ends the process: it is set to the first moment that anybody has asked for."""

import faulthandler
import sys
import time

import pytest

from workflows.engine.attempts.backstop import Backstop

LONG = 3600.0


@pytest.fixture
def timer(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the timer: the seconds it is set to, or nothing."""
    left: list[float] = []

    def set_it(seconds: float, **how: object) -> None:
        left[:] = [seconds]

    monkeypatch.setattr(faulthandler, "dump_traceback_later", set_it)
    monkeypatch.setattr(faulthandler, "cancel_dump_traceback_later", left.clear)
    monkeypatch.setattr(sys, "__stderr__", sys.stderr)
    return left


def test_who_releases_it_leaves_the_moments_of_others(timer: list[float]) -> None:
    backstop, now = Backstop(), time.monotonic()
    backstop.end_process_at("late", now + 2 * LONG)
    backstop.end_process_at("early", now + LONG)
    assert timer == [pytest.approx(LONG, abs=60)]

    backstop.release("early")
    assert timer == [pytest.approx(2 * LONG, abs=60)]

    backstop.release("late")
    assert timer == []
    assert backstop.next_at() == float("inf")


def test_an_owner_may_put_its_moment_off(timer: list[float]) -> None:
    backstop, now = Backstop(), time.monotonic()
    backstop.end_process_at("one", now + LONG)

    backstop.end_process_at("one", now + 2 * LONG)

    assert timer == [pytest.approx(2 * LONG, abs=60)]
