"""Steps that do as a test says."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.utils.module_loading import import_string

from workflows.api import list_actions
from workflows.core.errors import DefinitionError
from workflows.definitions.step import StepDefinition, step_definition

Answer = Callable[..., Any]


class Fake:
    """What stands in for a step, and how it was called."""

    def __init__(self, step: Answer, answer: Answer) -> None:
        self._signature, self._answer = inspect.signature(step), answer
        self.calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
        """Arguments and keyword arguments of each attempt."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self._signature.bind(*args, **kwargs)  # TypeError, as the step itself would say
        self.calls.append((args, kwargs))
        return self._answer(*args, **kwargs)


class _Script:
    """Answers one after the other."""

    def __init__(self, results: Sequence[Any]) -> None:
        self._left = list(results)
        self.too_often = False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return _give(self._left.pop(0))
        except IndexError:
            self.too_often = True
            raise AssertionError("there is no further result") from None


@contextmanager
def fake(
    step: Answer | str,
    *,
    returns: Any = None,
    results: Sequence[Any] | None = None,
    raises: BaseException | type[BaseException] | None = None,
    does: Answer | None = None,
) -> Iterator[Fake]:
    """Let a step return a value, raise an exception, or do as a function does, inside the block.

    step: the function, its dotted path ("shop.flows.charge"), or the name of an action.
    results: one for each attempt in turn; an exception among them is raised. AssertionError at the
    end of the block when there were more attempts. What the step stores is still checked against
    its annotations, and its arguments against its parameters. An async step is faked by plain values and
    functions as well; does may be an `async def`. Works for compensations, actions,
    and steps of a gather too; an inner fake of the same step goes before an outer one.
    """
    if sum(way is not None for way in (returns, results, raises, does)) > 1:
        raise ValueError("fake: give one of returns, results, raises, does")
    _check(results, raises, does)
    definition = _find(step)
    script = None if results is None else _Script(results)
    stand_in = Fake(
        definition.function, does or script or _constantly(returns if raises is None else raises)
    )
    with _in_place_of(definition, stand_in, is_async=inspect.iscoroutinefunction(does)):
        yield stand_in
    if script is not None and script.too_often:
        count = len(results or ())
        raise AssertionError(f"step {definition.name!r} was tried more than {count} times")


@contextmanager
def _in_place_of(definition: StepDefinition, stand_in: Fake, *, is_async: bool) -> Iterator[None]:
    if is_async and definition.atomic:
        raise ValueError(f"fake: step {definition.name!r} is atomic; give a plain function")
    real = (definition.function, definition.is_async)
    _put(definition, stand_in, is_async)
    try:
        yield
    finally:
        _put(definition, *real)


def _put(definition: StepDefinition, function: Answer, is_async: bool) -> None:
    # Frozen for everybody else.
    object.__setattr__(definition, "function", function)
    object.__setattr__(definition, "is_async", is_async)


def _check(results: Any, raises: Any, does: Any) -> None:
    """Raise ValueError for what would only be noticed inside the step, as a failure of its own."""
    if raises is not None and not (isinstance(raises, BaseException) or _is_error_class(raises)):
        raise ValueError(f"fake: raises is {raises!r:.80}; give an exception")
    if results is not None and (isinstance(results, str) or not isinstance(results, Sequence)):
        raise ValueError(f"fake: results is {results!r:.80}; give a list, one for each attempt")
    if does is not None and not callable(does):
        raise ValueError(f"fake: does is {does!r:.80}; give a function")


def _find(step: Answer | str) -> StepDefinition:
    if not isinstance(step, str):
        return step_definition(step)
    actions = {action.name: action.step for action in list_actions()}
    if step in actions:
        return actions[step]
    try:
        return step_definition(import_string(step))
    except ImportError:
        raise DefinitionError(
            f"fake({step!r}): give the step itself, its dotted path, or the name of an action"
        ) from None


def _constantly(result: Any) -> Answer:
    return lambda *args, **kwargs: _give(result)


def _give(result: Any) -> Any:
    if isinstance(result, BaseException) or _is_error_class(result):
        raise result
    return result


def _is_error_class(result: Any) -> bool:
    return isinstance(result, type) and issubclass(result, BaseException)
