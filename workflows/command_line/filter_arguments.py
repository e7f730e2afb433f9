"""Which runs are meant: the options of a RunFilter."""

import argparse
import json
from datetime import datetime, timedelta
from typing import Any, cast

from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from workflows.api import RunFilter
from workflows.core.retention import seconds_of

TIMES = ("created_since", "created_before", "ended_since", "ended_before")


def add_filter(parser: argparse.ArgumentParser) -> None:
    """Add an option for everything by which runs are found, but for their ids."""
    group = parser.add_argument_group("which runs", "all of it must be true of a run")
    group.add_argument("--workflow", metavar="NAME")
    group.add_argument("--version", type=int, metavar="N", help="of the workflow")
    group.add_argument(
        "--state", action="append", metavar="STATE", help="again, or with commas, for another"
    )
    for name in ("key", "owner", "tenant", "subject", "parent", "step"):
        group.add_argument(f"--{name}")
    group.add_argument("--tag", action="append", dest="tags", help="again for another; all of them")
    group.add_argument(
        "--attribute",
        action="append",
        dest="attributes",
        metavar="NAME=VALUE",
        type=attribute,
        help="VALUE is JSON, or a text",
    )
    group.add_argument("--error", metavar="TEXT", help="in the type or the message of the error")
    group.add_argument("--error-kind", metavar="KIND")
    for name in TIMES:
        group.add_argument(
            f"--{name.replace('_', '-')}",
            type=moment,
            metavar="TIME",
            help='"2026-11-01T09:30", or how long ago: "2h", "30d"',
        )


def read_filter(options: dict[str, Any]) -> RunFilter:
    """Return what was said of runs; what was left out is not in it."""
    found = {
        name: options[name]
        for name in RunFilter.__annotations__
        if name != "id" and options.get(name) is not None
    }
    if "state" in found:
        found["state"] = [each for given in found["state"] for each in given.split(",")]
    if "attributes" in found:
        found["attributes"] = dict(found["attributes"])
    return cast(RunFilter, found)


def moment(given: str) -> datetime:
    """Return a time, in the site's time zone where it names none; or so long ago."""
    try:
        return timezone.now() - timedelta(seconds=seconds_of(given))
    except ValueError:
        pass
    try:
        day = parse_date(given)
        found = parse_datetime(given if day is None else f"{day}T00:00")
    except ValueError as exc:
        raise argparse.ArgumentTypeError(f"{given!r:.80}: {exc}") from None
    if found is None:
        raise argparse.ArgumentTypeError(
            f'{given!r:.80} is no time; write "2026-11-01T09:30", or "2h" for two hours ago'
        )
    return found if timezone.is_aware(found) else timezone.make_aware(found)


def attribute(given: str) -> tuple[str, Any]:
    """Return a name and its value."""
    name, equals, text = given.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"{given!r:.80}; write NAME=VALUE")
    try:
        return name, json.loads(text)
    except ValueError:
        return name, text
