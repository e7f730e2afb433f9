"""How many workers the bell calls."""

from collections.abc import Iterator

import pytest

from workflows.cluster import shared, worker_calls as room
from workflows.cluster.worker_calls import Calls
from workflows.store.queue import Due

FOR_LONG, JUST_NOW = -60.0, 0.0
WORKERS = 2


@pytest.fixture(autouse=True)
def nobody_there() -> Iterator[None]:
    """Begin and end without traces of workers."""
    shared.reset()
    yield
    shared.reset()


@pytest.fixture
def calls() -> Calls:
    """Return the account of a pusher with two workers."""
    return Calls(WORKERS)


def look(*, in_vain: bool = False) -> None:
    """Answer a call as a worker does."""
    shared.count_look()
    if in_vain:
        shared.count_empty_look()


@pytest.mark.parametrize(("due", "called"), [(0, 0), (1, 1), (2, 2), (9, 2)])
def test_as_many_are_called_as_there_are_runs_and_workers(
    calls: Calls, due: int, called: int
) -> None:
    assert calls.count(Due(due, JUST_NOW)) == called


def test_busy_workers_are_not_called(calls: Calls) -> None:
    shared.set_busy(1)

    assert calls.count(Due(2, JUST_NOW)) == 1


def test_who_is_on_the_way_is_not_called_twice(calls: Calls) -> None:
    calls.count(Due(1, JUST_NOW))

    assert calls.count(Due(1, JUST_NOW)) == 0
    assert calls.count(Due(2, JUST_NOW)) == 1


def test_after_the_answer_the_next_run_gets_its_call(calls: Calls) -> None:
    calls.count(Due(1, JUST_NOW))
    look()

    assert calls.count(Due(1, JUST_NOW)) == 1


def test_a_call_that_nobody_answers_is_made_again(
    calls: Calls, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls.count(Due(1, JUST_NOW))
    monkeypatch.setattr(room, "CALL_AGAIN_SECONDS", -1)

    assert calls.count(Due(1, JUST_NOW)) == 1


def test_answers_from_a_former_pusher_s_time_do_not_count() -> None:
    look()
    look()

    assert Calls(WORKERS).count(Due(1, JUST_NOW)) == 1


def test_a_run_that_nobody_could_take_is_left_for_a_while(calls: Calls) -> None:
    calls.count(Due(1, FOR_LONG))
    look(in_vain=True)

    assert calls.count(Due(1, FOR_LONG)) == 0
    assert 0 < calls.pause() <= room.FIRST_PAUSE_SECONDS
    assert calls.limit() == WORKERS + 1


def test_such_a_run_holds_up_no_other(calls: Calls) -> None:
    calls.count(Due(1, FOR_LONG))
    look(in_vain=True)
    calls.count(Due(1, FOR_LONG))

    assert calls.count(Due(2, FOR_LONG)) == 1


def test_the_pauses_grow_up_to_a_poll(calls: Calls, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(room, "time", clock)
    pauses = []

    for _ in range(12):
        assert calls.count(Due(1, FOR_LONG)) == 1
        look(in_vain=True)
        assert calls.count(Due(1, FOR_LONG)) == 0
        pauses.append(calls.pause())
        clock.now += pauses[-1]

    assert pauses[:3] == pytest.approx([0.005, 0.01, 0.02])
    assert pauses[-1] == pytest.approx(0.5)


def test_a_run_that_fell_due_after_the_look_is_not_taken_for_one(calls: Calls) -> None:
    calls.count(Due(1, JUST_NOW))
    look(in_vain=True)

    assert calls.count(Due(1, JUST_NOW)) == 1


def test_an_empty_queue_ends_the_pauses(calls: Calls) -> None:
    calls.count(Due(1, FOR_LONG))
    look(in_vain=True)
    calls.count(Due(1, FOR_LONG))

    calls.count(Due(0, None))

    assert calls.limit() == WORKERS
    assert calls.count(Due(1, JUST_NOW)) == 1


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        """Return the time."""
        return self.now
