"""What schedules announce has the fields that its signal names."""

from collections.abc import Callable

import pytest

from workflows import signals
from workflows.engine.schedules import announced
from workflows.tests import listening


@pytest.mark.parametrize(
    ("name", "say"),
    [
        ("schedule_failed", lambda: announced.failed("report", ValueError("no"))),
        ("schedule_late", lambda: announced.late("report", "tests.wait", 61.0)),
        ("schedule_resumed", lambda: announced.resumed("report", by="alice", reason="")),
        ("schedule_triggered", lambda: announced.triggered("report", [], by="bob", reason="")),
        ("schedule_changed", lambda: announced.changed("report", by="code")),
    ],
)
def test_an_announcement_says_what_its_signal_names(name: str, say: Callable[[], None]) -> None:
    with listening.announced(name) as told:
        say()

    [(_, said)] = told
    assert said.keys() - {"sender", "signal"} == set(getattr(signals, name).fields)
    assert said["schedule"] == "report"
