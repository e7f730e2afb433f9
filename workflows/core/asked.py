"""Who asked for something, why, and by which way: what history keeps of every verb that steers."""

from typing import NamedTuple


class Asked(NamedTuple):
    """Texts as they are stored; "" for what nobody said."""

    by: str = ""
    """Who: a user's name."""
    reason: str = ""
    via: str = ""
    """By which way it came: "admin", "api", the name of a command."""


ENGINE = "workflows"
"""Who asks where the engine does by itself."""
