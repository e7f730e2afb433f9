"""Defaults of parameters: is a value one, does it come back from JSON, may code keep something in it?"""

from collections.abc import MutableMapping, MutableSequence, MutableSet
from types import FunctionType, ModuleType
from typing import Any


def same(decoded: Any, default: Any) -> bool:
    """Say whether what JSON gives back is the default."""
    kinds = {type(decoded), type(default)}
    # 60 for a float comes back as 60.0, which is what a caller who gives it has as well.
    return bool(decoded == default) and (len(kinds) == 1 or kinds == {int, float})


def may_be_filled(default: Any) -> bool:
    """Say whether code may keep something in a default. An object that holds nothing is one that is looked
    for with `is`."""
    if isinstance(default, type | FunctionType | ModuleType):
        return False
    return isinstance(default, MutableSequence | MutableMapping | MutableSet) or bool(
        getattr(default, "__dict__", None)
    )


def is_default(default: Any, value: Any) -> bool:
    """Say whether a value is the default of its parameter."""
    try:
        return default is value or (type(default) is type(value) and bool(default == value))
    except Exception:  # a class may refuse to be compared in any way of its own
        return False
