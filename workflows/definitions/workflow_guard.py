"""The guard: while a workflow's own code runs, nothing acts but the verbs of its run.

What workflow code does past them would happen again at every replay. The guard is on in the thread
that calls the workflow's function, and lifted inside each verb: steps, signal receivers and log
handlers run there. Whatever must not be called looks here first (refuse).
"""

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FunctionType
from typing import ParamSpec, TypeVar

from workflows.core.errors import DefinitionError

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

Remember = Callable[[DefinitionError], BaseException]
"""Takes note of why the code must unwind, in case that it swallows it; returns what to raise."""
IN_A_STEP = "do it in a step, and call that by run.step(…)"
BEHIND_VERBS = ("_step", "_wait", "_start_child")
"""What run.actions, handles of children and run.start_child call."""


class _Here(threading.local):
    remember: Remember | None = None
    """Of the workflow whose own code runs in this thread; None: none does."""


_here = _Here()


@contextmanager
def guarding(remember: Remember) -> Iterator[None]:
    """The guard is on inside the block, in this thread."""
    before, _here.remember = _here.remember, remember
    try:
        yield
    finally:
        _here.remember = before


def refuse(what: str, instead: str) -> None:
    """Raise DefinitionError where a workflow's own code runs."""
    remember = _here.remember
    if remember is not None:
        told = f"workflow code {what}, which every replay would repeat; {instead}"
        raise remember(DefinitionError(told))


def is_on() -> bool:
    """Whether a workflow's own code runs in this thread."""
    return _here.remember is not None


def lifted(verb: Callable[P, R]) -> Callable[P, R]:
    """Lift the guard while this verb works. Its DefinitionError ends the drive also where the code
    swallows it: what follows would only look like a difference between code and history."""

    @functools.wraps(verb)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        remember = _here.remember
        if remember is None:
            return verb(*args, **kwargs)
        _here.remember = None
        try:
            return verb(*args, **kwargs)
        except DefinitionError as exc:
            why = remember(exc)
            if why is exc:
                raise
            raise why from exc
        finally:
            _here.remember = remember

    return call


def lifts_guard(verbs: type[T]) -> type[T]:
    """Let every public method and property of this class lift the guard."""
    for name in dir(verbs):
        if not name.startswith("_") or name in BEHIND_VERBS:
            member = getattr(verbs, name)
            if isinstance(member, FunctionType):
                setattr(verbs, name, lifted(member))
            elif isinstance(member, property) and member.fget is not None:
                setter = None if member.fset is None else lifted(member.fset)
                setattr(verbs, name, property(lifted(member.fget), setter, doc=member.__doc__))
    return verbs
