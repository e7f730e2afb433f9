"""Who asks, why, and by which way: what history keeps of every verb."""

import getpass
import os
from argparse import ArgumentParser
from typing import Any

VIA = "manage.py workflows"


def add_asker(parser: ArgumentParser) -> None:
    parser.add_argument("--by", metavar="WHO", help="who asks (the user of this shell)")
    parser.add_argument("--reason", default="", metavar="TEXT", help="why; history keeps it")


def asker(options: dict[str, Any]) -> dict[str, str]:
    """Return by, reason and via."""
    by = options["by"] if options["by"] is not None else os_user()
    return {"by": by, "reason": options["reason"], "via": VIA}


def os_user() -> str:
    """Return the name of the user whose process this is; his number, where he has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
