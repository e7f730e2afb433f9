"""Icons and the badges of states. Icons are vendored files; all other values are hostile text."""

import json
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

STATE_ICONS = {
    "pending": "circle-dashed",
    "skipped": "circle-dashed",
    "waiting": "hourglass",
    "paused": "hourglass",
    "running": "loader-circle",
    "completed": "circle-check",
    "failed": "circle-x",
    "blocked": "triangle-alert",
    "cancelling": "ban",
    "cancelled": "ban",
    "compensating": "undo-2",
    "compensated": "undo-2",
}
"""The icons of the states of runs and steps; their hues are in workflows/ui.css."""
ANY_STATE = "circle-dashed"


class Icons:
    """Icons from JSON files of name → inner SVG, read when the first is drawn."""

    def __init__(self, *files: Path) -> None:
        self._files = files

    @cached_property
    def _shapes(self) -> dict[str, str]:
        shapes: dict[str, str] = {}
        for file in self._files:
            shapes |= json.loads(file.read_text())
        return shapes

    def names(self) -> Iterable[str]:
        """Return the names of all icons."""
        return self._shapes.keys()

    def draw(self, name: str, label: str = "") -> SafeString:
        """Draw an icon; with a label it speaks, without one it is decoration.

        Raises LookupError for a name that is not vendored.
        """
        try:
            # Vendored and pinned by hash, never a visitor's text.
            shapes = mark_safe(self._shapes[name])  # noqa: S308
        except KeyError:
            raise LookupError(
                f"There is no icon {name!r}; add it to ops/vendor.json and run python ops/vendor.py"
            ) from None
        silent = SafeString('aria-hidden="true"')
        speech = format_html('role="img" aria-label="{}"', label) if label else silent
        # Width and height keep the icon small where the stylesheet did not load.
        return format_html(
            '<svg class="icon icon-{}" viewBox="0 0 24 24" width="18" height="18" {}>{}</svg>',
            name,
            speech,
            shapes,
        )


ENGINE_FILE = Path(__file__).resolve().parents[1] / "static/workflows/vendor/icons.json"
ENGINE_ICONS = Icons(ENGINE_FILE)


def state_icon(state: str, label: str = "") -> SafeString:
    """Draw the icon of a state of a run or a step; one we do not know looks pending."""
    return ENGINE_ICONS.draw(STATE_ICONS.get(state, ANY_STATE), label)


def badge(state: str, label: str = "") -> SafeString:
    """Show a state as hue, icon and word: the label, or the state itself."""
    return badge_with(state_icon(state), state, label or state)


def badge_with(drawn: SafeString, state: str, label: str) -> SafeString:
    """Show a state as hue and word, with an icon that is drawn already."""
    return format_html('<span class="badge" data-state="{}">{}{}</span>', state, drawn, label)
