"""What the pages need beyond Django's own tags: icons, badges, clocks, safe links, form controls.

Everything here treats its values as hostile text, except the icons, which are vendored files.
"""

import unicodedata
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import urljoin, urlsplit

from django import template
from django.conf import settings
from django.forms import BoundField
from django.templatetags.static import static
from django.utils.dateformat import format as date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from submissions.discovery.addresses import absolute as absolute_address
from workflows.ui import icons

register = template.Library()

ICONS = icons.Icons(Path(settings.BASE_DIR) / "static/vendor/icons.json", icons.ENGINE_FILE)
"""The site's own and those of the engine's pages."""

STATE_ICONS = {
    "free": "circle-dashed",
    "reserved": "timer",
    "in_review": "scan-search",
    "approved": "circle-check",
    "rejected": "circle-x",
}
"""The icons of the site's states; those that steps have too are the engine's."""

HUES = 5
"""How many classes hue-0, hue-1… static/css/components.css has."""


class HasState(Protocol):
    """What a badge shows of a submission."""

    @property
    def status(self) -> str: ...

    @property
    def state_label(self) -> str: ...


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """Draw an icon; with a label it speaks, without one it is decoration.

    Raises LookupError for a name that is not vendored.
    """
    return ICONS.draw(name, label)


@register.simple_tag
def state_icon(state: str, label: str = "") -> SafeString:
    """Draw the icon of a state, of ours or of a step's; one we do not know looks pending."""
    return (
        icon(STATE_ICONS[state], label) if state in STATE_ICONS else icons.state_icon(state, label)
    )


@register.simple_tag
def badge(state: str, label: str) -> SafeString:
    """Show a state as hue, icon and word."""
    return icons.badge_with(state_icon(state), state, label)


@register.simple_tag
def submission_badge(submission: HasState) -> SafeString:
    """Show a submission's state; a pending one wears the colours of a reserved slot."""
    state = "reserved" if submission.status == "pending" else submission.status
    return badge(state, submission.state_label)


@register.filter
def clock(seconds: float) -> str:
    """Write a number of seconds as minutes and seconds, 107 as 1:47."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    return f"{minutes}:{rest:02d}"


@register.simple_tag
def moment(at: datetime, form: str = "j M, H:i") -> SafeString:
    """Write a moment in UTC; static/js/times.js puts the visitor's own zone beside it.

    form is Django's for dates.
    """
    in_utc = at.astimezone(UTC)
    precision = "second" if form.endswith("s") else "minute"
    return format_html(
        '<time class="num" datetime="{}" data-local="{}">{} UTC</time>',
        in_utc.isoformat(timespec="seconds"),
        precision,
        date_format(in_utc, form),
    )


@register.filter
def hue(name: str) -> str:
    """Return the class that colours a name's tile; the same name always gets the same one."""
    return f"hue-{zlib.crc32(name.encode(errors='replace')) % HUES}"


@register.simple_tag
def safe_link(url: str, label: str = "") -> SafeString:
    """Link to a stranger's http(s) address; anything else is shown as text.

    Search engines are told not to follow it, and the other site gets no handle on our page.
    """
    text = label or url
    if not is_web_address(url):
        return format_html('<span dir="auto">{}</span>', text)
    return format_html(
        '<a href="{}" rel="nofollow ugc noopener" dir="auto">{}</a>',
        url,
        text,
    )


def is_web_address(url: str) -> bool:
    """Say whether a browser would read this as an http(s) address of a named host."""
    # Browsers drop tabs and line ends inside an address, so "java\tscript:" is a script to them.
    if any(character.isspace() or unicodedata.category(character) == "Cc" for character in url):
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


@register.simple_tag
def absolute(path: str) -> str:
    """Return the whole address of a path of this site."""
    return absolute_address(path)


@register.simple_tag
def control(field: BoundField) -> SafeString:
    """Draw a form field's input, tied by Django to its hint and its errors.

    The placeholder goes: it would repeat the visible label, and vanish on typing.
    """
    return field.as_widget(attrs={"placeholder": False})


@register.filter
def limit(field: BoundField) -> int | None:
    """Return the longest text a field takes, in characters, or None when it has no limit."""
    return getattr(field.field, "max_length", None)


@register.filter
def choice_label(field: BoundField) -> str:
    """Return the words of the option that was chosen, or nothing."""
    value = field.value()
    choices = getattr(field.field, "choices", ())
    return next((str(label) for key, label in choices if str(key) == str(value)), "")


@register.simple_tag
def error_static(path: str) -> str:
    """Return a static file's address, and never fail: error pages must always render.

    Without a manifest (before collectstatic, or when it is broken) the plain address is used.
    """
    try:
        return static(path)
    except ValueError:
        return urljoin(settings.STATIC_URL, path)


@register.filter
def message_state(level: str) -> str:
    """Return the state whose colours a message of this level wears."""
    states = {"success": "approved", "warning": "reserved", "error": "rejected"}
    return states.get(level, "in_review")
