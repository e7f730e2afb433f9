"""Call code of the project in a context of its own.

What it sets there (a language, a time zone, the precision of decimals) ends with it: it must reach neither
the next run of this process nor, where a step did it, the code behind the step, which does not see it at a
replay.
"""

import decimal
from collections.abc import Callable
from contextvars import Context, copy_context
from copy import copy
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def call_apart(function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Return what the function returns."""
    return own_context().run(function, *args, **kwargs)


def own_context() -> Context:
    """Return a context for what runs apart."""
    own = copy_context()
    # A copied context holds the same object, and `getcontext().prec = 4` changes that.
    own.run(decimal.setcontext, copy(decimal.getcontext()))
    return own
