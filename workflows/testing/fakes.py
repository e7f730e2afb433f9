"""Steps that do as a test says."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from workflows.registry import step_definition


class Fake:
    """What stands in for a step, and how it was called."""

    def __init__(self, answer: Callable[..., Any]) -> None:
        self._answer = answer
        self.calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
        """Arguments and keyword arguments of each attempt."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.calls.append((args, kwargs))
        return self._answer(*args, **kwargs)


@contextmanager
def fake(
    step: Callable[..., Any],
    *,
    returns: Any = None,
    results: Sequence[Any] | None = None,
    raises: BaseException | None = None,
    does: Callable[..., Any] | None = None,
) -> Iterator[Fake]:
    """Let a step return a value, raise an exception, or do as a function does, inside the block.

    results: one for each attempt in turn; an exception among them is raised. What the step stores
    is still checked against its annotations. Works for compensations and actions too.
    """
    definition = step_definition(step)
    stand_in = Fake(_answer(returns, results, raises, does))
    real = definition.function
    object.__setattr__(definition, "function", stand_in)  # frozen for everybody else
    try:
        yield stand_in
    finally:
        object.__setattr__(definition, "function", real)


def _answer(
    returns: Any,
    results: Sequence[Any] | None,
    raises: BaseException | None,
    does: Callable[..., Any] | None,
) -> Callable[..., Any]:
    if does is not None:
        return does
    left = list(results) if results is not None else None

    def answer(*args: Any, **kwargs: Any) -> Any:
        if left is not None and not left:
            raise AssertionError("the fake step was called more often than it has results")
        result = left.pop(0) if left is not None else (raises or returns)
        if isinstance(result, BaseException):
            raise result
        return result

    return answer
