"""Whose time it was: the engine's, the database's or the project's own, of what cProfile has counted.

What libraries and Python itself take is counted for who called them.
"""

import pstats
import sysconfig
from collections import defaultdict
from collections.abc import Mapping
from cProfile import Profile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Function = tuple[str, int, str]
Counted = tuple[int, int, float, float, dict[Function, tuple[int, int, float, float]]]
"""Calls that are no recursion, calls, seconds of its own, seconds with what it called; by whom."""

ENGINE, DATABASE, OWN, ASYNC, REST = "engine", "database", "your code", "async steps", "the rest"
OWNERS = (ENGINE, DATABASE, OWN, ASYNC, REST)
_PACKAGE = Path(__file__).resolve().parents[2]
_DATABASE = ("/psycopg/", "/psycopg_binary/", "/psycopg_c/", "/psycopg_pool/", "/django/db/")
_PATHS = sysconfig.get_paths()
_LIBRARIES = tuple({_PATHS[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")})
_WAITS = (f"{_PACKAGE}/engine/attempts/ends.py", "SimpleQueue")
"""The drive waits there for what runs on the event loop, in a thread that is not profiled."""
ROUNDS = 30
"""Of a chain of libraries that call each other, as many links are followed."""


@dataclass(frozen=True, kw_only=True)
class Share:
    """What belongs to one of OWNERS."""

    owner: str
    calls: int
    """Of its own functions."""
    seconds: float


@dataclass(frozen=True, kw_only=True)
class OwnFunction:
    """A function of the project's."""

    name: str
    calls: int
    seconds: float
    """With what it called."""


def statements(profile: Profile) -> int:
    """Count what was sent to the database."""
    return sum(
        counted[1]
        for (file, _, name), counted in _counted(profile).items()
        if name in ("execute", "executemany") and file.endswith("/psycopg/cursor.py")
    )


def shares(profile: Profile) -> list[Share]:
    """Return whose time it was, for each of OWNERS."""
    counted = _counted(profile)
    owners = {function: owner_of(function) for function in counted}
    parts = _parts(counted, owners)
    calls: dict[str, int] = defaultdict(int)
    seconds: dict[str, float] = defaultdict(float)
    for function, (_, many, own_seconds, _, callers) in counted.items():
        owner = owners[function]
        if owner is not None:
            calls[owner] += many
            seconds[owner] += own_seconds
            continue
        told = 0.0
        for caller, (_, _, within, _) in callers.items():
            told += within
            for name, part in _of_call(function, caller, owners, parts).items():
                seconds[name] += within * part
        seconds[REST] += max(own_seconds - told, 0.0)
    return [Share(owner=name, calls=calls[name], seconds=seconds[name]) for name in OWNERS]


def slowest(profile: Profile, most: int = 10) -> list[OwnFunction]:
    """Return the functions of the project's that took longest."""
    found = [
        OwnFunction(name=_told(function), calls=many, seconds=seconds)
        for function, (_, many, _, seconds, _) in _counted(profile).items()
        if owner_of(function) == OWN
    ]
    return sorted(found, key=lambda each: -each.seconds)[:most]


def owner_of(function: Function) -> str | None:
    """Return to whom a function belongs; None: to who calls it."""
    file = function[0]
    if file.startswith(f"{_PACKAGE}/") and not file.startswith(f"{_PACKAGE}/tests/"):
        return ENGINE
    if any(part in file for part in _DATABASE):
        return DATABASE
    if not file.startswith("/") or file.startswith(_LIBRARIES):
        return None  # built in (~), generated (<string>), of Python, or installed
    return OWN


def _parts(
    counted: Mapping[Function, Counted], owners: Mapping[Function, str | None]
) -> dict[Function, dict[str, float]]:
    """Return for each function of nobody's to whom its time belongs, by who called it, at any depth."""
    of_nobody = [function for function, owner in owners.items() if owner is None]
    parts: dict[Function, dict[str, float]] = {function: {REST: 1.0} for function in of_nobody}
    for _ in range(ROUNDS):
        again = {each: _part(each, counted[each][4], owners, parts) for each in of_nobody}
        if again == parts:
            break
        parts = again
    return parts


def _part(
    function: Function,
    callers: Mapping[Function, tuple[int, int, float, float]],
    owners: Mapping[Function, str | None],
    parts: Mapping[Function, dict[str, float]],
) -> dict[str, float]:
    others = {caller: seen for caller, seen in callers.items() if caller != function}
    whole = sum(seen[3] for seen in others.values())
    if whole <= 0:
        return {REST: 1.0}
    found: dict[str, float] = defaultdict(float)
    for caller, seen in others.items():
        for name, part in _of_call(function, caller, owners, parts).items():
            found[name] += part * seen[3] / whole
    return dict(found)


def _of_call(
    function: Function,
    caller: Function,
    owners: Mapping[Function, str | None],
    parts: Mapping[Function, dict[str, float]],
) -> Mapping[str, float]:
    if caller[0] == _WAITS[0] and _WAITS[1] in function[2]:
        return {ASYNC: 1.0}
    owner = owners.get(caller, REST)
    return parts[caller] if owner is None else {owner: 1.0}


def _counted(profile: Profile) -> Mapping[Function, Counted]:
    if not profile.getstats():
        return {}
    stats: Any = pstats.Stats(profile)
    counted: Mapping[Function, Counted] = stats.stats
    return counted


def _told(function: Function) -> str:
    file, line, name = function
    here = Path.cwd()
    path = Path(file)
    return f"{path.relative_to(here) if path.is_relative_to(here) else path}:{line} {name}"
