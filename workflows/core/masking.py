"""Secrets in what people are shown: the values of fields whose names are declared as secret.

What history keeps is untouched: workflows need it. Every way to people's eyes goes through `masked`.
"""

from collections.abc import Collection
from typing import Any

MASK = "•••"
MASKED_AT_FIRST = ("api_key", "authorization", "passwd", "password", "secret", "token")


def masked(value: Any, names: Collection[str]) -> Any:
    """Return a JSON value with MASK for whatever stands, at any depth, under one of these names, in capitals or
    not. An absent secret (None, or an empty text) is shown as such."""
    wanted = {name.casefold() for name in names}
    return _masked(value, wanted) if wanted else value


def check_masked(names: Any) -> None:
    """Raise ValueError for what is no list of names."""
    listed = isinstance(names, Collection) and not isinstance(names, str | bytes | dict)
    if not listed or not all(isinstance(each, str) and each for each in names):
        raise ValueError(f'{names!r:.80} is no list of names of fields; write ["password"]')


def _masked(value: Any, wanted: set[str]) -> Any:
    if isinstance(value, dict):
        return {
            name: MASK if _is_secret(name, inner, wanted) else _masked(inner, wanted)
            for name, inner in value.items()
        }
    return [_masked(each, wanted) for each in value] if isinstance(value, list) else value


def _is_secret(name: str, value: Any, wanted: set[str]) -> bool:
    return value not in (None, "") and name.casefold() in wanted
