"""The drive's thread waits for ends, and does meanwhile what it is asked."""

import threading

import pytest

from workflows.api import RunState, get_run, start
from workflows.engine.attempts.ends import Ends
from workflows.engine.attempts.time_limit import Limit
from workflows.engine.drive.drive import drive
from workflows.tests.builders import claim, elsewhere
from workflows.tests.engine.attempts.awaiting import hanging, hooks


class Note:
    """Notes what became of it."""

    def __init__(self, told: list[str]) -> None:
        self._told = told

    def do(self) -> None:
        self._told.append("done")

    def refuse(self) -> None:
        self._told.append("refused")


def test_what_is_asked_is_done_before_the_end_that_follows() -> None:
    told: list[str] = []
    ends: Ends[str, int] = Ends()
    ends.expect("a", Limit(None))

    elsewhere(lambda: ends.ask(Note(told))).result()
    elsewhere(lambda: ends.put("a", 7)).result()

    assert ends.next() == ("a", 7)
    assert told == ["done"]
    assert ends.busy == 0


def test_once_closed_it_refuses_and_stops_what_is_under_way() -> None:
    told: list[str] = []
    ends: Ends[str, int] = Ends()
    ends.expect("a", Limit(None), stop=lambda: ends.put("a", 0))
    ends.ask(Note(told))

    ends.close()
    ends.ask(Note(told))

    assert told == ["refused", "refused"]


def test_it_knows_its_own_thread() -> None:
    ends: Ends[str, int] = Ends()

    assert ends.is_here
    assert not elsewhere(lambda: ends.is_here).result()


@pytest.mark.django_db
def test_one_that_blocks_the_loop_is_given_up_and_its_process_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    released = threading.Event()

    async def block() -> None:
        released.wait(60)

    hooks["hang"] = block
    monkeypatch.setattr("workflows.engine.attempts.ends.GRACE_SECONDS", 0.2)
    run = start(hanging)
    worn_out = drive(claim())
    released.set()

    assert worn_out
    assert get_run(run.id).state == RunState.RUNNING
