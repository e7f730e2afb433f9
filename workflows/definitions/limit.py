"""The limits that the code of this process declares, by name."""

import inspect
from collections.abc import Callable
from typing import Any

from workflows.core.errors import DefinitionError
from workflows.core.limit import TENANT, Declared, Limit, Rate
from workflows.core.signature import Signature

_declared: dict[str, Declared] = {}
_SUFFIXES = {"concurrency": "", "rate": " rate"}


def declare(
    told: str,
    signature: Signature,
    own_name: str,
    *,
    concurrency: Any = None,
    rate: Any = None,
    of_runs: bool = False,
) -> tuple[Declared, ...]:
    """Return the limits of a function, in the order in which they are taken. told: how errors name it.
    Raises DefinitionError for what is no limit, and where its name stands for another."""
    slots = concurrency if isinstance(concurrency, tuple) else (concurrency,)
    given: list[tuple[str, Any, type[Any]]] = [
        ("concurrency", each, Limit) for each in slots if each is not None
    ]
    given += [("rate", each, Rate) for each in (rate,) if each is not None]
    for option, rule, kind in given:
        if not isinstance(rule, kind):
            raise DefinitionError(f"{told}: {option} is {rule!r:.60}; write {kind.__name__}(…)")
    found = [
        Declared(name=rule.name or own_name + _SUFFIXES[option], rule=rule, of_runs=of_runs)
        for option, rule, _ in given
    ]
    if len({each.name for each in found}) < len(found):
        raise DefinitionError(f"{told}: two limits have the same name; give each a name of its own")
    # Slots by their names, whoever takes several of them: one order.
    return tuple(_declare(told, signature, each) for each in sorted(found, key=_place))


def _place(limit: Declared) -> tuple[bool, str]:
    return isinstance(limit.rule, Rate), limit.name


def _declare(told: str, signature: Signature, limit: Declared) -> Declared:
    by = limit.rule.by
    if isinstance(by, str) and by != TENANT and not signature.takes(by):
        raise DefinitionError(f'{told}: by={by!r} is none of its parameters, nor "{TENANT}"')
    if callable(by):
        _check_function(told, signature, by)
    known = _declared.setdefault(limit.name, limit)
    if _numbers(known) != _numbers(limit):
        raise DefinitionError(
            f"{told}: the limit {limit.name!r} is {known.rule.words} elsewhere; say the same, or give "
            "this one another name"
        )
    if known.of_runs != limit.of_runs:
        raise DefinitionError(
            f"{told}: the limit {limit.name!r} is of runs and of steps; a run would wait for itself: "
            "give one of them another name"
        )
    return limit


def _check_function(told: str, signature: Signature, by: Callable[..., str]) -> None:
    """It is given all the arguments by name."""
    try:
        takes = inspect.signature(by)
    except ValueError:  # of a built-in, which does not tell
        return
    try:
        takes.bind(**dict.fromkeys(signature.names))
    except TypeError as exc:
        given = ", ".join(signature.names) or "none"
        raise DefinitionError(
            f"{told}: its by= function is given all the arguments by name ({given}): {exc}"
        ) from None


def _numbers(limit: Declared) -> str:
    return f"{type(limit.rule).__name__} {limit.rule.words}"


def declared_limits() -> list[Declared]:
    """Return all limits by name."""
    return [_declared[name] for name in sorted(_declared)]


def find_limit(name: str) -> Declared | None:
    """Return the limit of this name; None: the code here declares none."""
    return _declared.get(name)
