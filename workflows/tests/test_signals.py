"""Signals: the table in the documentation is the code's, and every send says all that it promises."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.dispatch import Signal

from workflows import api, signals
from workflows.signals import Announcement

ROOM = Path(signals.__file__).parent
PAGE = (ROOM.parent / "docs/signals.md").read_text()
ALL = {name: each for name, each in vars(signals).items() if isinstance(each, Announcement)}


def sends() -> Iterator[tuple[str, str, set[str]]]:
    """Yield where a signal is sent, its name, and what is said."""
    for path in sorted(ROOM.rglob("*.py")):
        if "tests" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".send_robust"):
                name = ast.unparse(node.func).split(".")[-2]
                said = {keyword.arg or "**" for keyword in node.keywords} - {"sender"}
                yield f"{path.name}:{node.lineno}", name, said


def test_every_signal_has_its_line_with_its_fields() -> None:
    lines = re.findall(r"^\| `(\w+)` \|([^|]*)\|", PAGE, re.M)

    listed = {name: tuple(re.findall(r"`(\w+)`", fields)) for name, fields in lines}

    assert listed == {name: each.fields for name, each in ALL.items()}


def test_every_signal_is_part_of_the_front_door() -> None:
    assert {name for name, value in vars(api).items() if isinstance(value, Signal)} == set(ALL)


def test_every_send_says_exactly_the_fields() -> None:
    wrong = [
        f"{where}: {name} says {sorted(said)}"
        for where, name, said in sends()
        if name in ALL and said != set(ALL[name].fields)
    ]

    assert wrong == []


def test_every_signal_is_sent_somewhere() -> None:
    # The bell chooses one of two, and sends what it has chosen.
    chosen = {"database_away", "tables_missing"}

    assert set(ALL) - {name for _, name, _ in sends()} == chosen


def test_a_receiver_that_raises_is_logged_and_the_next_one_hears_all_the_same(
    caplog: pytest.LogCaptureFixture,
) -> None:
    heard: list[str] = []

    def shout(**said: object) -> None:
        raise RuntimeError("a listener's mistake")

    def listen(*, chore: str, **_: object) -> None:
        heard.append(chore)

    for receiver in (shout, listen):
        signals.chore_failed.connect(receiver)
    try:
        signals.chore_failed.send_robust(sender=None, chore="tidy", error=RuntimeError("dust"))
    finally:
        for receiver in (shout, listen):
            signals.chore_failed.disconnect(receiver)

    assert heard == ["tidy"]
    assert "a listener's mistake" in caplog.text
