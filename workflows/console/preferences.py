"""What somebody has chosen for the console, kept in cookies: theme, columns, and the browser's time zone."""

from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.http import HttpRequest, HttpResponse

ZONE_COOKIE = "workflows_zone"
"""Set by console.js: "Europe/Zurich"."""
COLUMNS_COOKIE = "workflows_columns"
THEME_COOKIE = "theme"
THEMES = ("system", "light", "dark")
YEAR_SECONDS = 365 * 24 * 3600

COLUMNS = {
    "state": "State",
    "workflow": "Workflow",
    "now": "Now at",
    "steps": "Steps",
    "error": "Error",
    "age": "Age",
    "wake": "Next wake",
    "took": "Duration",
    "who": "Owner, tenant",
    "tags": "Tags",
}
"""By name, in the order of the list."""
AT_FIRST = ("state", "workflow", "now", "steps", "age", "wake", "took")


def zone_of(request: HttpRequest) -> tzinfo:
    """Return the time zone of who asks; UTC where the browser has not said one that we know."""
    name = request.COOKIES.get(ZONE_COOKIE, "")
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def theme_of(request: HttpRequest) -> str:
    """Return the chosen theme, one of THEMES."""
    chosen = request.COOKIES.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else "system"


def columns_of(request: HttpRequest) -> list[str]:
    """Return the chosen columns, in the order of COLUMNS."""
    chosen = request.COOKIES.get(COLUMNS_COOKIE, "").split(".")
    known = [name for name in COLUMNS if name in chosen]
    return known or list(AT_FIRST)


def keep_theme(answer: HttpResponse, theme: str) -> None:
    """Let the browser keep a theme; the system's needs no cookie."""
    if theme == "system":
        answer.delete_cookie(THEME_COOKIE, samesite="Lax")
    elif theme in THEMES:
        answer.set_cookie(THEME_COOKIE, theme, max_age=YEAR_SECONDS, samesite="Lax")


def keep_columns(answer: HttpResponse, columns: list[str]) -> None:
    """Let the browser keep a choice of columns; none is the first choice again."""
    known = [name for name in COLUMNS if name in columns]
    if not known:
        answer.delete_cookie(COLUMNS_COOKIE, samesite="Lax")
        return
    answer.set_cookie(COLUMNS_COOKIE, ".".join(known), max_age=YEAR_SECONDS, samesite="Lax")
