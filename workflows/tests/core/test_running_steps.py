"""Steps under way: what is shown of them counts for one attempt of the run."""

from datetime import UTC, datetime
from typing import Any

import pytest

from workflows.core.codec import loads
from workflows.core.running_steps import (
    TIMEOUT,
    RunningStep,
    StepSeen,
    as_json,
    read_shown,
    read_steps,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
TOLD: dict[str, Any] = {
    "name": "pack",
    "position": 1,
    "attempt": 2,
    "undo": False,
    "host": "here",
    "pid": 7,
    "overran": TIMEOUT,
}
STORED = TOLD | {"since": NOON.isoformat()}


def test_steps_are_told_with_their_age() -> None:
    assert loads(as_json([StepSeen(**TOLD, age_seconds=0.5)])) == [TOLD | {"age": 0.5}]


def test_steps_are_read_as_they_are_stored() -> None:
    assert read_steps([STORED]) == [RunningStep(**TOLD, since=NOON)]
    assert read_steps(None) == []


@pytest.mark.parametrize(("attempt", "found"), [(3, 1), (4, 0)])
def test_what_a_row_shows_counts_for_one_attempt_of_the_run(attempt: int, found: int) -> None:
    assert len(read_shown({"attempt": 3, "steps": [STORED]}, attempt)) == found
    assert read_shown(None, attempt) == []
