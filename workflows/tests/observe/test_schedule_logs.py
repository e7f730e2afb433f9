"""Log lines about schedules: one for each announcement, as loud as it is grave."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from workflows import signals
from workflows.engine.schedules import announced
from workflows.tests.listening import listening


def paused(by: str) -> None:
    signals.schedule_paused.send_robust(sender=None, schedule="report", by=by, note="no paper")


def passed_over() -> None:
    signals.schedule_passed_over.send_robust(sender=None, schedule="report", skipped=2, missed=3)


@pytest.mark.parametrize(
    ("say", "level", "words"),
    [
        (
            passed_over,
            "WARNING",
            "schedule report: 2 ticks skipped, since a run is open, and 3 missed",
        ),
        (
            lambda: announced.failed("report", ValueError("no day")),
            "ERROR",
            "failed, trying on: no day",
        ),
        (
            lambda: announced.late("report", "tests.wait", 61),
            "WARNING",
            "due for 61 s and no cluster",
        ),
        (lambda: paused("alice"), "INFO", "paused by alice: no paper"),
        (lambda: paused("workflows"), "ERROR", "paused by workflows: no paper"),
        (lambda: announced.resumed("report", by="", reason="paper"), "INFO", "by somebody: paper"),
        (
            lambda: announced.triggered("report", [uuid4()], by="bob", reason="now"),
            "INFO",
            "1 runs started by hand by bob: now",
        ),
        (lambda: announced.changed("report", by="code"), "INFO", "was changed by code"),
    ],
)
def test_an_announcement_is_one_line(say: Callable[[], None], level: str, words: str) -> None:
    with listening("workflows") as ear:
        say()

    [record] = ear.records
    assert record.levelname == level
    assert words in record.getMessage()
