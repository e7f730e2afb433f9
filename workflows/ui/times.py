"""Moments and lengths of time as people read them, in the zone that is active; UTC stands at hand."""

from datetime import UTC, datetime, timedelta

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60))


def length(span: timedelta | None) -> str:
    """Return a length of time in its two largest units: 38 ms, 4.2 s, 1 m 52 s, 3 d 4 h. None is nothing."""
    if span is None:
        return ""
    seconds = span.total_seconds()
    if seconds < 0:
        return f"-{length(-span)}"
    if 0 < seconds < 0.001:
        return "< 1 ms"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    whole = int(seconds)
    words: list[str] = []
    for unit, size in (*_UNITS, ("s", 1)):
        count, whole = divmod(whole, size)
        if count or words:
            words.append(f"{count} {unit}")
    return " ".join(word for word in words[:2] if not word.startswith("0 "))


def clock(at: datetime | None) -> str:
    """Return a moment in the active zone: the time of today, with the day before it on any other."""
    if at is None:
        return ""
    local, now = timezone.localtime(at), timezone.localtime()
    if local.date() == now.date():
        return f"{local:%H:%M:%S}"
    day = f"{local.day} {local:%b}" if local.year == now.year else f"{local:%Y-%m-%d}"
    return f"{day} {local:%H:%M}"


def when(at: datetime | None) -> SafeString:
    """Show a moment in the active zone, with the whole of it in UTC as its title. None is nothing."""
    if at is None:
        return SafeString("")
    utc = at.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{} UTC">{}</time>',
        utc.isoformat(),
        f"{utc:%Y-%m-%d %H:%M:%S.%f}"[:-3],
        clock(at),
    )
