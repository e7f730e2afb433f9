"""The same is said once a minute, by all processes of a cluster together, and counted meanwhile."""

import os

import pytest

from workflows.observe import once_a_minute
from workflows.observe.once_a_minute import first_line, worth_saying


def test_the_same_cause_is_said_once_and_another_at_once() -> None:
    assert worth_saying("away", "no route") == ""
    assert worth_saying("away", "no route") is None
    assert worth_saying("away", "refused") == ""


def test_after_a_minute_it_is_said_with_how_often_it_was_held_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for _ in range(4):
        worth_saying("away")
    monkeypatch.setattr(once_a_minute, "SAY_AGAIN_SECONDS", 0.0)

    assert worth_saying("away") == " (3 more since it was last said)"
    assert worth_saying("away") == ""


def test_processes_of_one_origin_say_it_once_together(monkeypatch: pytest.MonkeyPatch) -> None:
    worth_saying("away")
    for _ in range(3):
        child = os.fork()
        if child == 0:
            os._exit(0 if worth_saying("away") is None else 1)
        assert os.waitpid(child, 0)[1] == 0
    monkeypatch.setattr(once_a_minute, "SAY_AGAIN_SECONDS", 0.0)

    assert worth_saying("away") == " (3 more since it was last said)"


def test_the_cause_of_an_error_is_its_first_line() -> None:
    assert first_line(ValueError("no room\nLINE 1: SELECT")) == "no room"
