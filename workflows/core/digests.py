"""Digests of what steps are given: the same for the same values, in every process and release.

A value that is no JSON counts by its contents where these are plain (sets in an order of their own,
dates, dataclasses, pydantic models), a row of a database by its key, anything else by its type.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Set
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from workflows.core.errors import ReplayMismatch

DIGEST_BYTES = 8
Digests = Mapping[str, str]

_BY_THEIR_TEXT = (date, time, timedelta, Decimal, UUID)


def digest(value: Any, renamed: tuple[str, str] | None = None) -> str:
    """Return the digest of a value, as hexadecimal text. renamed: a text that counts as another one."""
    try:
        text = _text_of(value)
    except Exception:  # what holds itself; a class may refuse to be looked at in any way of its own
        text = _type_of(value)
    if renamed is not None:
        text = text.replace(*renamed)
    return hashlib.blake2b(text.encode(), digest_size=DIGEST_BYTES).hexdigest()


def _text_of(value: Any) -> str:
    try:
        return _encoder.encode(value)
    except TypeError:  # an object whose keys are of several types
        return _encoder.encode(_plain_keys(value))


def difference(
    position: int, called: str, recorded: Digests, now: Digests, given: Mapping[str, Any]
) -> ReplayMismatch | None:
    """Say in which argument an operation, called so, is given something else than history recorded; None:
    in none. given: what the code gives now."""
    if recorded == now:
        return None
    name = min(each for each in recorded.keys() | now.keys() if recorded.get(each) != now.get(each))
    known = f"{called} without {name}"
    asked = (
        f"{called} without {name}" if name not in now else f"{called} with {_shown(name, given)}"
    )
    if name in recorded:
        known = f"{called} with another {name}" if name in now else f"{called} with {name}"
    return ReplayMismatch(position, asked, known)


def _shown(name: str, given: Mapping[str, Any]) -> str:
    try:
        return f"{name}={given[name]!r:.80}"
    except Exception:  # a class may refuse in any way of its own
        return f"{name}, a {type(given[name]).__name__}"


def _plain(value: Any) -> Any:
    """Return JSON values that stand for what JSON does not know."""
    if isinstance(value, Set):
        return {"set": sorted(digest(each) for each in value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, _BY_THEIR_TEXT):
        return {type(value).__name__: str(value)}
    if isinstance(value, bytes | bytearray):
        return {"bytes": value.hex()}
    if isinstance(value, BaseModel):
        return {_type_of(value): dict(value)}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {_type_of(value): {each.name: getattr(value, each.name, None) for each in fields}}
    if isinstance(value, Mapping):
        return dict(value)
    if hasattr(value, "_meta") and hasattr(value, "pk"):  # a row of Django's
        return {_type_of(value): value.pk}
    return _type_of(value)


def _plain_keys(value: Any) -> Any:
    """Return a value whose keys are texts, with their types, in their order."""
    if isinstance(value, Mapping):
        pairs = [[type(name).__name__, digest(name), _plain_keys(value[name])] for name in value]
        return sorted(pairs, key=lambda pair: pair[:2])
    if isinstance(value, list | tuple):
        return [_plain_keys(each) for each in value]
    return digest(value)


def _type_of(value: Any) -> str:
    kind = type(value)
    return f"{kind.__module__}.{kind.__qualname__}"


_encoder = json.JSONEncoder(sort_keys=True, default=_plain)
"""Made once: to make one takes longer than to use it."""
