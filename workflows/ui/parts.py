"""Parts of admin pages: tables, moments, stored values. Everything given is text, and is escaped."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString


def table(heads: Iterable[str], rows: Iterable[Iterable[Any]]) -> SafeString:
    """Draw a table with a head."""
    lines = [format_html_join("", "<td>{}</td>", ((cell,) for cell in row)) for row in rows]
    return format_html(
        '<table class="history"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>',
        format_html_join("", "<th>{}</th>", ((head,) for head in heads)),
        format_html_join("", "<tr>{}</tr>", ((line,) for line in lines)),
    )


def moment(at: datetime | None) -> str:
    """Write a moment to the millisecond, in its own time zone; None is nothing."""
    if at is None:
        return ""
    return format_html('<span class="nowrap">{}</span>', at.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3])


def lasting(duration: timedelta | None) -> str:
    """Write how long something took, in seconds; None is nothing."""
    return "" if duration is None else f"{duration.total_seconds():,.3f} s"


def json_text(value: Any) -> SafeString:
    """Show a JSON value, indented."""
    return format_html(
        '<pre class="value">{}</pre>', json.dumps(value, indent=2, ensure_ascii=False)
    )


def number(count: int, how: str = "exact") -> str:
    """Write a count with what it is worth: exact, at_least or about."""
    return {"at_least": "{:,}+", "about": "≈ {:,}"}.get(how, "{:,}").format(count)
