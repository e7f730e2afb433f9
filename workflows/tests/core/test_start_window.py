"""When a run is due that stands for several starts."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from workflows.core.errors import DefinitionError
from workflows.core.start_window import Debounce, OpenWindow, Throttle, due_of_next, due_of_waiting

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def known(now: float, *, due: float | None = None) -> OpenWindow:
    due_at = None if due is None else NOON + seconds(due)
    return OpenWindow(run_id=None, first_at=NOON, due_at=due_at, now=NOON + seconds(now))


@pytest.mark.parametrize(("now", "due"), [(0, 5), (4, 9), (8, 10), (12, 12)])
def test_a_debounced_run_waits_for_silence_but_not_for_ever(now: float, due: float) -> None:
    window = Debounce("page", 5, at_most_seconds=10)

    assert due_of_waiting(window, known(now)) == NOON + seconds(due)


@pytest.mark.parametrize(("now", "last", "due"), [(3, None, 3), (3, 0, 30), (40, 0, 40)])
def test_a_throttled_run_keeps_its_distance(now: float, last: float | None, due: float) -> None:
    assert due_of_next(Throttle("page", 30), known(now, due=last)) == NOON + seconds(due)


@pytest.mark.parametrize("given", [("", 5), (7, 5), ("page", 0), ("page", "5"), ("page", True)])
@pytest.mark.parametrize("kind", [Debounce, Throttle])
def test_a_window_has_a_key_and_seconds(kind: Any, given: tuple[Any, Any]) -> None:
    with pytest.raises(DefinitionError, match="give"):
        kind(*given)


def test_a_debounce_ends_no_sooner_than_the_silence_it_waits_for() -> None:
    with pytest.raises(DefinitionError, match="over before a silence of 5 s"):
        Debounce("page", 5, at_most_seconds=1)

    assert Debounce("page", 5, at_most_seconds=5).at_most_seconds == 5
