"""Baggage: texts and numbers that a run carries along, for its children, its steps and its log lines."""

from collections.abc import Mapping
from typing import Any

from workflows.core.codec import dumps, is_name, shown
from workflows.core.errors import InvalidInput

MOST_BYTES = 2_048
"""Of it as JSON: every child has a copy, and every claim reads it."""

_PLAIN = (str, bool, int, float, type(None))


def baggage_of(given: Any) -> str:
    """Return baggage as JSON text. Raises InvalidInput."""
    if not isinstance(given, Mapping) or not all(map(is_name, given)):
        raise InvalidInput(f'baggage is {shown(given)}; give names and values: {{"request": "a7"}}')
    for name, value in given.items():
        if type(value) not in _PLAIN or value != value or value in _ENDLESS:
            told = (
                f"baggage[{name!r}] is {shown(value)}; give a text, a number, True, False or None"
            )
            raise InvalidInput(told)
        if isinstance(value, str) and "\x00" in value:
            raise InvalidInput(f"baggage[{name!r}] holds a NUL, which PostgreSQL cannot store")
    text = dumps(dict(given))
    if len(text.encode(errors="replace")) > MOST_BYTES:
        raise InvalidInput(
            f"baggage is larger than {MOST_BYTES:,} bytes as JSON; keep what is large in a row of yours, "
            "and carry its key"
        )
    return text


_ENDLESS = (float("inf"), float("-inf"))
