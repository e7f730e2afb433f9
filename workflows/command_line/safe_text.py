"""Text of users on a terminal: what would steer the terminal is shown as an escape, what is long is cut."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

LONGEST_CELL = 60
"""Characters of a text in a table."""
LONGEST_VALUE = 2_000
"""Characters of a value that is shown by itself."""


def printable(text: str, *, lines: bool = False) -> str:
    """Return the text with each character that is none to be seen as an escape: control characters, what
    turns the direction of writing, what has no width. lines: line ends stay."""
    return "".join(
        each
        if each.isprintable() or (lines and each == "\n")
        else each.encode("unicode_escape").decode()
        for each in text
    )


def cell(text: str) -> str:
    """Return a text as a table shows it: one line, cut."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_CELL else f"{line[: LONGEST_CELL - 1]}…"


def value(given: Any) -> str:
    """Return a JSON value as people read it, cut where it is long."""
    text = json.dumps(given, ensure_ascii=False, default=str)
    if len(text) <= LONGEST_VALUE:
        return text
    return f"{text[:LONGEST_VALUE]}… ({len(text):,} characters; --json has all of them)"


def moment(at: datetime | None) -> str:
    """Return a time in UTC, "" for none."""
    return "" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def span(length: timedelta | None) -> str:
    """Return a length of time: 0.25 s, 3 min 4 s, 2 h 5 min, 4 d 1 h; "" for none."""
    if length is None:
        return ""
    seconds = max(0.0, length.total_seconds())
    if seconds < 60:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.0f} s"
    for size, unit, rest, small in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min")):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit} {seconds % size // rest:.0f} {small}"
    return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"
