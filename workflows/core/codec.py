"""Values to JSON text and back, as their annotations say.

Objects come back with their keys sorted: PostgreSQL's jsonb keeps no order of its own, and a
replay must see what the first run saw. Numbers likewise: jsonb knows no exponents and no -0.0.
"""

import functools
import inspect
import json
import re
from decimal import Decimal
from typing import Any, get_origin

from pydantic_core import PydanticSerializationError

from workflows.core.adapter import make_adapter
from workflows.core.errors import DefinitionError, ValueNotStorable, ValueTooLarge
from workflows.core.lost_by_type import lost_by

_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_LARGE = re.compile(r'"(?:[^"\\]|\\.)*"|-?[\d.]+e\+\d+')
"""A string (to be passed over), or a number with a positive exponent."""
_NULL = "null"
SEALED = "$sealed"
"""The one name of an object that stands for an encrypted value (core/sealed.py)."""
_MARK = f'"{SEALED}": '


def loads(text: str) -> Any:
    """Return the JSON value of a text, its objects in the order of their keys."""
    return _decoder.decode(text)


def dumps(value: Any) -> str:
    """Return the JSON text of a plain value. Raises ValueNotStorable for what JSON or jsonb lacks."""
    try:
        text = as_text(value)
        text.encode()
    except (TypeError, ValueError, RecursionError) as exc:  # UnicodeEncodeError is a ValueError
        raise ValueNotStorable(f"not a JSON value: {exc}") from None
    if _NUL.search(text):
        raise ValueNotStorable("text with a NUL character cannot be stored; remove it")
    if _MARK in text and _names_sealed(value):
        raise ValueNotStorable(f"{SEALED!r} names what is encrypted; give the key another name")
    return text


def as_text(value: Any) -> str:
    """Return the JSON text of what may hold encrypted values, unchecked."""
    text = _encoder.encode(value)
    # jsonb would give 1e+22 back as an integer, but 10000000000000000000000.0 as it stands.
    return _LARGE.sub(_in_full, text) if "e+" in text else text


def is_same(one: Any, other: Any) -> bool:
    """Say whether two JSON values are the same to jsonb: 7 and 7.0 are, 1 and true are not."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(is_same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)


def is_name(value: object) -> bool:
    """Say whether the value is a text of 1 to 500 characters that PostgreSQL can keep and index."""
    if not isinstance(value, str) or not 0 < len(value) <= 500 or "\x00" in value:
        return False
    return value.isascii() or value == value.encode(errors="ignore").decode()


def shown(value: Any) -> str:
    """Return how a value looks, cut to 80 characters, whatever its __repr__ does."""
    try:
        return f"{value!r:.80}"
    except Exception:  # a class may refuse in any way of its own
        return f"a {type(value).__name__}"


class Codec:
    """Encodes and decodes the values of one annotation."""

    def __init__(self, annotation: Any = Any) -> None:
        self._annotation = annotation
        try:
            self._adapter = make_adapter(annotation)
        except Exception as exc:  # pydantic raises several kinds for what it cannot describe
            raise DefinitionError(
                f"{annotation!r} cannot be stored as JSON: {_first_line(exc).partition('. ')[0]}"
            ) from None

    def encode(self, value: Any, *, max_bytes: int) -> str:
        """Return the value as JSON text. Raises ValueNotStorable, ValueTooLarge."""
        if value is None and self._none_is_null and max_bytes >= len(_NULL):
            return _NULL
        if type(value) is list and get_origin(self._annotation) is tuple:
            value = tuple(value)  # gather's results: a list that type checkers know as a tuple
        try:
            [plain] = self._adapter.serializer.to_python([value], mode="json", warnings="error")
        except Exception as exc:  # a class may refuse in any way of its own
            raise ValueNotStorable(self._refusal(value, exc)) from None
        text = dumps(plain)
        if len(text.encode()) > max_bytes:
            raise ValueTooLarge(
                f"the value takes {len(text.encode()):,} bytes as JSON, more than "
                f"{max_bytes:,}; store it elsewhere and hand on its id"
            )
        return text

    def _refusal(self, value: Any, exc: Exception) -> str:
        if inspect.iscoroutine(value):
            value.close()  # else Python warns of it besides
            return f"{value.__qualname__}() was never awaited: write `return await …` in an `async def` step"
        if isinstance(exc, PydanticSerializationError) and "UnexpectedValue" in str(exc):
            kind = getattr(self._annotation, "__name__", self._annotation)
            return f"{shown(value)} cannot be stored as {kind}, as its annotation says"
        return (
            f"a value of type {type(value).__name__} cannot be stored as JSON ({_first_line(exc)}); "
            "take plain values, dataclasses or pydantic models"
        )

    @functools.cached_property
    def _none_is_null(self) -> bool:
        """Most steps return nothing, which needs no look by anybody else."""
        return any(self._annotation is each for each in (None, type(None), Any))

    @functools.cached_property
    def loss(self) -> str:
        """What of every value with this annotation would not come back; "" for nothing."""
        return lost_by(self._adapter.schema)

    def decode(self, text: str) -> Any:
        """Return the value of a JSON text. Raises ValueNotStorable when it no longer fits."""
        if text == _NULL and self._none_is_null:
            return None
        return self.from_plain(loads(text))

    def from_plain(self, plain: Any) -> Any:
        """Return the annotated value of a plain JSON value."""
        try:
            [value] = self._adapter.validator.validate_python([plain])
        except Exception as exc:  # as above
            raise ValueNotStorable(f"stored value does not fit: {_first_line(exc)}") from None
        return value


def _names_sealed(value: Any) -> bool:
    """Whether it would be taken for an encrypted value, at any depth."""
    if isinstance(value, dict):
        return SEALED in value or any(map(_names_sealed, value.values()))
    return isinstance(value, list | tuple) and any(map(_names_sealed, value))


def _sorted_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return dict(sorted(pairs))


def _number(text: str) -> float:
    return float(text) + 0.0  # -0.0 becomes 0.0


def _in_full(match: re.Match[str]) -> str:
    found = match[0]
    return found if found.startswith('"') else f"{Decimal(found):f}.0"


def _first_line(exc: Exception) -> str:
    return " ".join(str(exc).split())[:300]


_decoder = json.JSONDecoder(object_pairs_hook=_sorted_object, parse_float=_number)
_encoder = json.JSONEncoder(allow_nan=False, ensure_ascii=False)
"""Made once: to make one takes longer than to use it."""
