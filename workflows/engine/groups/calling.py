"""run.call: a step with its arguments, for gather and graph."""

from collections.abc import Collection, Sequence
from typing import Any, ParamSpec, TypeVar, overload

from workflows.core.copies import copied_arguments
from workflows.core.errors import DefinitionError
from workflows.definitions.step import AnyStep, step_definition
from workflows.engine.groups.group import Call, checked

P = ParamSpec("P")
R = TypeVar("R")


class CallUsing:
    """run.call with options of its own: what follows in brackets is the step and its arguments."""

    __slots__ = ("_after",)

    def __init__(self, after: tuple[str, ...] = ()) -> None:
        self._after = after

    def __call__(self, function: AnyStep[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Call[R]:
        """Return a step with its arguments, for graph."""
        return _call(function, args, kwargs, self._after)


class MakeCall:
    """run.call(step, *args, **kwargs): a step with its arguments, for gather and graph.

    after: names of a graph's calls that must have completed. Type checkers hold the arguments to
    the step's parameters, unless after= stands beside them (PEP 612):
    run.call.using(after=…)(step, …) is checked as well.
    """

    __slots__ = ()

    @overload
    def __call__(
        self, function: AnyStep[P, R], /, *args: P.args, **kwargs: P.kwargs
    ) -> Call[R]: ...
    @overload
    def __call__(
        self, function: AnyStep[..., R], /, *args: Any, after: str | Sequence[str], **kwargs: Any
    ) -> Call[R]: ...
    def __call__(
        self,
        function: AnyStep[..., R],
        /,
        *args: Any,
        after: Any = None,  # as the overloads say; for mypy, P.kwargs may hold anything here
        **kwargs: Any,
    ) -> Call[R]:
        """Return a step with its arguments; see the class."""
        if after is None:
            return _call(function, args, kwargs, ())
        step = step_definition(function)
        if step.signature.takes("after"):
            raise DefinitionError(
                f"call: after= is an option here, and step {step.name!r} has a parameter of that name: "
                "write run.call.using(after=…)(step, …)"
            )
        return _call(function, args, kwargs, _names(after))

    def using(self, *, after: str | Sequence[str]) -> CallUsing:
        """Return run.call with this option; its arguments are checked."""
        return CallUsing(_names(after))


def _names(after: Any) -> tuple[str, ...]:
    if isinstance(after, str):
        return (after,)
    if not isinstance(after, Collection):
        raise DefinitionError(f"after is {after!r:.80}; give the name of a graph's call, or a list")
    return tuple(after)


def _call(
    function: AnyStep[..., R], args: tuple[Any, ...], kwargs: dict[str, Any], after: tuple[str, ...]
) -> Call[R]:
    step, args, kwargs = checked(step_definition(function), args, kwargs)
    args, kwargs = copied_arguments(args, kwargs)  # of a loop that fills one list for all
    return Call(step=step, args=args, kwargs=kwargs, after=after)
