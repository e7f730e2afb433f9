"""A JSON value as a tree that opens and closes without scripts. All of it is hostile text."""

import json
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

MOST_NODES = 400
"""More of a value is for a download, not for eyes."""
MOST_TEXT = 2_000
OPEN_LEVELS = 2
DEEPEST = 30


class _Budget:
    def __init__(self) -> None:
        self.left = MOST_NODES


def json_tree(value: Any) -> SafeString:
    """Draw a JSON value: an object or a list opens, a long text is cut, and so is what has too many parts."""
    return format_html('<div class="json">{}</div>', _node(value, 0, _Budget()))


def _node(value: Any, level: int, budget: _Budget) -> SafeString:
    budget.left -= 1
    if not isinstance(value, dict | list):
        return _leaf(value)
    if not value:
        return format_html('<span class="json-none">{}</span>', "{}" if value == {} else "[]")
    pairs = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
    kind = "field" if isinstance(value, dict) else "item"
    count = f"{len(pairs)} {kind}{'' if len(pairs) == 1 else 's'}"
    if level >= DEEPEST or budget.left <= 0:
        return format_html('<span class="json-none">{}, not shown: download it</span>', count)
    return format_html(
        "<details{}><summary>{}</summary><ul>{}</ul></details>",
        SafeString(" open") if level < OPEN_LEVELS else "",
        count,
        _lines(pairs, level, budget),
    )


def _lines(pairs: list[tuple[Any, Any]], level: int, budget: _Budget) -> SafeString:
    shown = []
    for name, value in pairs:
        if budget.left <= 0:
            break
        shown.append((name, _node(value, level + 1, budget)))
    lines = format_html_join("", '<li><span class="json-name">{}</span> {}</li>', shown)
    hidden = len(pairs) - len(shown)
    more = format_html('<li class="json-none">{} more: download it</li>', hidden) if hidden else ""
    return format_html("{}{}", lines, more)


def _leaf(value: Any) -> SafeString:
    if isinstance(value, str):
        cut = (
            value
            if len(value) <= MOST_TEXT
            else f"{value[:MOST_TEXT]}… ({len(value):,} characters)"
        )
        kind = "json-text" if "\n" not in cut else "json-text json-lines"
        return format_html('<span class="{}">{}</span>', kind, cut)
    return format_html('<span class="json-value">{}</span>', json.dumps(value))
