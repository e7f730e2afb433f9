"""Which functions are the project's own code, so that what they do is the workflow's doing."""

import functools
import inspect
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType
from typing import Any

import django

from workflows.source.meanings import is_a, wrapped_by

_INSTALLED = frozenset({"site-packages", "dist-packages"})
_MADE = ("__new__", "__init__", "__post_init__", "__enter__", "__exit__")
"""What runs when an object is made, or stands behind `with`."""


def own_functions(value: Any, caller: FunctionType) -> Iterator[FunctionType]:
    """Yield the functions of the project that run where this is called: itself, below decorators,
    or what makes an object of a class. A step is none: its code is not the workflow's."""
    if is_a(value, type):
        for name in _MADE:
            yield from own_functions(inspect.getattr_static(value, name, None), caller)
        return
    for function in _layers(value):
        if is_own(function, caller):
            yield function


def is_own(function: FunctionType, caller: FunctionType) -> bool:
    """Whether a function belongs to the caller's module, or to any other of the project."""
    file = function.__code__.co_filename
    return file == caller.__code__.co_filename or _is_of_project(file)


def is_step(value: Any) -> bool:
    """Whether this is what @step or @action has returned, or was given."""
    return is_a(value, FunctionType) and hasattr(value, "step_definition")


def _layers(value: Any) -> Iterator[FunctionType]:
    """Yield a function and those that it wraps."""
    seen: set[int] = set()
    while value is not None and id(value) not in seen and not is_step(value):
        seen.add(id(value))
        if is_a(value, FunctionType):
            yield value
        value = _below(value)


def _below(value: Any) -> Any:
    if is_a(value, functools.partial):
        return value.func
    return value.__func__ if is_a(value, staticmethod, classmethod) else wrapped_by(value)


@functools.cache
def _is_of_project(file: str) -> bool:
    """Whether a file is none of the standard library, of an installed package, Django or this one."""
    path = Path(file)
    if not path.is_absolute() or _INSTALLED.intersection(path.parts):
        return False
    return not any(path.is_relative_to(folder) for folder in _foreign())


@functools.cache
def _foreign() -> tuple[Path, ...]:
    packages = (Path(django.__file__).parent, Path(__file__).parents[1])
    return (*packages, *(Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")))
