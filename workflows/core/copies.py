"""Copies of what workflow code hands around, so that nobody changes what somebody else keeps."""

import copy
from typing import Any, TypeVar

T = TypeVar("T")

_UNCHANGING = frozenset({str, int, float, bool, bytes, type(None), object})
"""Of these the same one is as good as a copy; a bare object() is known by being the same."""


def copied(value: T, kept: list[Any] | None = None) -> T:
    """Return a copy of a value, at any depth. What cannot be copied (a lock, a generator) is handed
    on as it is, and noted in kept."""
    if type(value) in _UNCHANGING:
        return value
    try:
        found: T = copy.deepcopy(value)
    except Exception:  # a class may refuse to be copied in any way of its own
        found = _part_by_part(value, [] if kept is None else kept)
    return found


def copied_arguments(
    args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return copies of the arguments of a call."""
    return tuple(map(copied, args)), {name: copied(each) for name, each in kwargs.items()}


def copied_plain(value: Any) -> Any:
    """Return a copy of a JSON value, which is quicker."""
    kind = type(value)
    if kind is dict:
        return {name: copied_plain(each) for name, each in value.items()}
    if kind is list:
        return [copied_plain(each) for each in value]
    return value


def _part_by_part(value: Any, kept: list[Any]) -> Any:
    """Copy what can be of a value that cannot be copied as a whole."""
    kind = type(value)
    try:
        if kind is dict:
            return {copied(name, kept): copied(each, kept) for name, each in value.items()}
        if kind in (list, tuple, set, frozenset):
            return kind(copied(each, kept) for each in value)
    except RecursionError:  # it holds itself
        pass
    kept.append(value)
    return value
