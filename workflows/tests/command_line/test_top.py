"""top on a terminal: keys are heard, and the terminal is left as it was."""

import os
import pty
import sys
import termios
from collections.abc import Iterator
from io import StringIO

import pytest
from django.core.management import call_command

from workflows.command_line import top
from workflows.tests.builders import started_and_claimed
from workflows.tests.flows import greet_once


class Typing(StringIO):
    """An output; at the first that it shows, a person types."""

    def __init__(self, keyboard: int, keys: bytes) -> None:
        super().__init__()
        self._keyboard, self._keys = keyboard, keys

    def write(self, text: str) -> int:
        os.write(self._keyboard, self._keys)
        self._keys = b""
        return super().write(text)


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Let there be a terminal to be read; return where a person types."""
    person, terminal = pty.openpty()
    with os.fdopen(terminal, "r") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield person
    os.close(person)


@pytest.mark.django_db
def test_q_ends_it_and_the_terminal_is_as_it_was(keyboard: int) -> None:
    before = termios.tcgetattr(sys.stdin.fileno())
    out = Typing(keyboard, b"xq")

    call_command("workflows", "top", "--seconds", "5", "--times", "5", stdout=out)

    assert out.getvalue().count("UTC: nothing is due") == 2  # x is no key, but asks for a look
    assert termios.tcgetattr(sys.stdin.fileno()) == before


@pytest.mark.django_db
def test_what_is_driven_is_told_with_its_lease() -> None:
    run = started_and_claimed(greet_once, name="Ann")
    out = StringIO()

    call_command("workflows", "top", "--times", "1", stdout=out)

    [line] = [each for each in out.getvalue().splitlines() if each.startswith(str(run.id))]
    assert line.split()[1:3] == ["tests.greet", "running"]
    assert line.endswith(" s")


def test_ctrl_c_ends_it_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: object) -> Iterator[top.Look]:
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(top, "_looks", interrupted)
    out = StringIO()

    call_command("workflows", "top", stdout=out)

    assert out.getvalue() == ""
