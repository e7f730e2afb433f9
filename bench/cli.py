"""What `python -m bench` understands. It reports figures and never fails for one."""

import argparse
import logging
import os
import signal
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import NoReturn

import django

from bench.database import Unusable, own_database

NAMES = [
    "round-trips",
    "runs",
    "start",
    "event",
    "together",
    "kill",
    "waiting",
    "slow-steps",
    "streams",
    "reservations",
    "watchers",
]
"""In the order they are measured: what must not meet a running cluster comes first."""


def main(arguments: list[str]) -> int:
    """Measure what the arguments ask for; return the exit code."""
    options = parse(arguments)
    url = os.environ.get("DATABASE_URL", "").strip()
    if not url:
        return refuse("DATABASE_URL is not set; `python3 run.py bench` brings its own server")
    signal.signal(signal.SIGTERM, unwind)
    try:
        with own_database(url) as own_url:
            os.environ["DATABASE_URL"] = own_url
            measure_and_report(options)
    except Unusable as reason:
        return refuse(str(reason))
    except KeyboardInterrupt:
        return 130
    return 0


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(prog="bench", description="Measure the engine and the site.")
    parser.add_argument("--quick", action="store_true", help="short rounds: rough figures, soon")
    parser.add_argument("--only", choices=NAMES, action="append", help="measure this (repeatable)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write the figures")
    return parser.parse_args(arguments)


def refuse(reason: str) -> int:
    """Say why nothing is measured."""
    sys.stderr.write(f"bench: {reason}\n")
    return 2


def unwind(number: int, frame: FrameType | None) -> NoReturn:
    """End on a signal the way an exception does, so that everything started is stopped."""
    raise SystemExit(128 + number)


def measure_and_report(options: argparse.Namespace) -> None:
    """Set Django up on our database, measure, print, save."""
    os.environ.setdefault("TOOLSITE_DEBUG", "1")
    os.environ["TOOLSITE_WORKERS"] = "2"
    os.environ["DJANGO_SETTINGS_MODULE"] = "bench.settings"
    django.setup()
    # Only now: the models they import need the settings.
    from django.conf import settings

    from bench import machine, report
    from bench.database import prepare
    from bench.run import measure_all

    # What the cluster logs is part of what is measured; this process only prints figures.
    logging.getLogger("workflows").setLevel(logging.WARNING)
    facts = machine.describe()
    prepare()
    at = datetime.now(UTC)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        findings = measure_all(options.only or NAMES, Path(folder), quick=options.quick)
    path = options.json or Path(settings.DATA_DIR) / "bench" / f"{at:%Y%m%d-%H%M%S}.json"
    report.save(path, at=at, quick=options.quick, machine=facts, findings=findings)
    print(f"\n{report.show(facts, findings)}\n\nwritten to {path}", flush=True)
