"""Keys for work, made of what the work is: the same work has the same key, on any day, in any program.

They are promised to stay as they are, byte for byte: workflows/tests/core/test_work_keys.py holds
vectors, and docs/starting-runs.md says how others make them. No date is in them, and no version.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

from workflows.core.codec import dumps, is_name, loads, shown
from workflows.core.errors import InvalidInput, ValueNotStorable


def workflow_key(name: str, owner: str, input: Mapping[str, Any]) -> str:
    """Return the key of a run by its workflow, whose it is ("" for nobody's) and its input, JSON values:
    `start.using(key=workflow_key("shop.order", "ann", {"order_id": 7}))`. Raises InvalidInput."""
    return _key("workflow", _name("name", name), _text("owner", owner), _canonical("input", input))


def step_key(run_key: str, step: str, occurrence: int, input: Any) -> str:
    """Return the key of a step by its run's key, its name, which of the equal ones it is (from 1: two
    equal charges are two) and its input, a JSON value. Raises InvalidInput."""
    if not isinstance(occurrence, int) or isinstance(occurrence, bool) or occurrence < 1:
        raise InvalidInput(f"occurrence is {shown(occurrence)}; give a whole number from 1 on")
    return _key(
        "step",
        _name("run_key", run_key),
        _name("step", step),
        str(occurrence),
        _canonical("input", input),
    )


def _key(*parts: str) -> str:
    """Return the SHA-256 of a JSON array of texts, in hexadecimal."""
    return hashlib.sha256(_json(list(parts)).encode()).hexdigest()


def _canonical(what: str, value: Any) -> str:
    """Return the one JSON text of a value: objects sorted by their keys, no spaces, whole numbers without
    a point."""
    try:
        return _json(_plain(loads(dumps(dict(value) if isinstance(value, Mapping) else value))))
    except ValueNotStorable as exc:
        raise InvalidInput(
            f"{what}: {exc}; give JSON values, decimals and dates as texts"
        ) from None


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":"))


def _plain(value: Any) -> Any:
    """7.0 is 7, as in JavaScript and in jsonb: a number that has gone through either is the same."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        return int(value)
    return value


def _name(what: str, given: Any) -> str:
    if not is_name(given):
        raise InvalidInput(f"{what} is {shown(given)}; give a text of 1 to 500 characters")
    return str(given)


def _text(what: str, given: Any) -> str:
    return "" if given == "" else _name(what, given)
