"""Is a value the same once it has been stored? Where it is not, which part of it has changed."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from pydantic import BaseModel

from workflows.core.errors import ValueNotStorable

_LISTS = (list, tuple)


@dataclass(frozen=True)
class Change:
    """A part of a value that comes back from storage as something else."""

    path: str
    """Where: `["lines"][2].price`; "" for the value itself."""
    what: str
    """What becomes of it, and what helps."""
    is_loss: bool
    """It cannot be told from what comes back; a Decimal that comes back as its text can."""


def refuse_loss(value: Any, back: Any, name: str = "") -> None:
    """Raise ValueNotStorable where what comes back lacks a part of the value. name: what the value
    is called, where it has a name."""
    _refuse(value, back, name, lambda change: change.is_loss)


def refuse_change(value: Any, back: Any, name: str = "") -> None:
    """Raise ValueNotStorable where what comes back is not the value. Dataclasses and models may come
    back as objects, and tuples as lists: whoever reads them can say what they are."""
    _refuse(value, back, name, lambda _: True)


def _refuse(value: Any, back: Any, name: str, is_refused: Callable[[Change], bool]) -> None:
    if _equal(value, back):
        return
    for change in _changes(value, back, name):
        if is_refused(change):
            where = f"{change.path}: " if change.path else ""
            raise ValueNotStorable(f"{where}{change.what}")


def _equal(value: Any, back: Any) -> bool:
    try:
        return bool(value == back)
    except Exception:  # a class may refuse to be compared in any way of its own
        return False


def _changes(value: Any, back: Any, path: str) -> Iterator[Change]:
    if _equal(value, back):
        return
    fields = _fields(value)
    if fields is not None:
        yield from _changes_of_fields(value, fields, back, path)
    elif isinstance(value, Mapping) and isinstance(back, Mapping):
        yield from _changes_of_keys(value, back, path)
    elif isinstance(value, _LISTS) and isinstance(back, _LISTS):
        for number, (one, other) in enumerate(zip(value, back, strict=False)):
            yield from _changes(one, other, f"{path}[{number}]")
    elif type(value) is not type(back):
        yield Change(path, _becomes(value, back), isinstance(value, date) and _is_date(back))


def _changes_of_fields(
    value: Any, fields: dict[str, Any], back: Any, path: str
) -> Iterator[Change]:
    others = back if isinstance(back, Mapping) else _fields(back) or {}
    if not isinstance(back, Mapping) and type(back) is not type(value):
        if fields.keys() - others.keys():
            lost = ", ".join(sorted(fields.keys() - others.keys()))
            told = f"{_becomes(value, back)} (without {lost}); name the class in the annotation"
            yield Change(path, told, True)
        return
    if isinstance(back, Mapping):
        return  # by the annotations of its own class, which whoever reads it may name
    for name in fields.keys() & others.keys():
        yield from _changes(fields[name], others[name], f"{path}.{name}")


def _changes_of_keys(
    value: Mapping[Any, Any], back: Mapping[Any, Any], path: str
) -> Iterator[Change]:
    if len(back) < len(value):
        yield Change(path, "two of its keys are one as JSON; make all of them texts", True)
        return
    for key, inner in value.items():
        if key in back:
            yield from _changes(inner, back[key], f"{path}[{key!r:.40}]")
        else:
            told = f"the key {key!r:.40} comes back as a text; {_ADVICE}"
            yield Change(path, told, False)


_ADVICE = "say the type in the annotation, or hand on a text"


def _becomes(value: Any, back: Any) -> str:
    told = f"{value!r:.60} ({type(value).__name__}) comes back as {type(back).__name__}"
    return told if _fields(value) is not None else f"{told}; {_ADVICE}"


def _is_date(back: Any) -> bool:
    return isinstance(back, date)


def _fields(value: Any) -> dict[str, Any] | None:
    if isinstance(value, BaseModel):
        return dict(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            each.name: getattr(value, each.name, None)
            for each in dataclasses.fields(value)
            if each.init
        }
    return None
