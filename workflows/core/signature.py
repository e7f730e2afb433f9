"""The parameters and the result of a function, as what is stored of its calls."""

import functools
import inspect
from types import FunctionType, SimpleNamespace
from typing import Any, NamedTuple, get_type_hints

from workflows.core.codec import Codec, dumps, loads
from workflows.core.copies import copied, copied_plain
from workflows.core.defaults import is_default, may_be_filled, same
from workflows.core.errors import DefinitionError, ValueNotStorable

_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_NO_LIMIT = 2**63


class Input(NamedTuple):
    """What a run begins with, as JSON texts."""

    given: str
    """What the caller said."""
    defaults: str = "{}"
    """The defaults, as of that moment, of what the caller left out."""


class Signature:
    """The parameters and the result of a function, each with its codec. Built at first use,
    so that annotations may name what is defined later in the module."""

    def __init__(self, function: FunctionType, *, skip_first: bool = False) -> None:
        self._function, self._skip_first = function, skip_first

    @functools.cached_property
    def result(self) -> Codec:
        """The codec of what the function returns."""
        return Codec(self.annotations.get("return", Any))

    @functools.cached_property
    def annotations(self) -> dict[str, Any]:
        """The annotations of the parameters, and of the result as "return", by their names."""
        annotations = dict(self._function.__annotations__)
        if self._skip_first:
            # Often imported for type checkers only; its values never cross.
            annotations.pop(next(iter(inspect.signature(self._function).parameters), ""), None)
        bare = SimpleNamespace(__annotations__=annotations)
        try:
            return get_type_hints(bare, self._function.__globals__, include_extras=True)
        except NameError as exc:
            where = f"{self._function.__module__}.{self._function.__qualname__}"
            raise DefinitionError(
                f"{where}: an annotation cannot be read ({exc}); import the name at run time"
            ) from None

    @functools.cached_property
    def _parameters(self) -> inspect.Signature:
        signature = inspect.signature(self._function)
        if self._skip_first:
            signature = signature.replace(parameters=list(signature.parameters.values())[1:])
        return signature

    @functools.cached_property
    def _codecs(self) -> dict[str, Codec]:
        return {
            name: Codec(self.annotations.get(name, Any)) for name in self._parameters.parameters
        }

    @functools.cached_property
    def _defaults(self) -> dict[str, Any]:
        """The defaults that come back from JSON as they are, as plain values. Any other stays with
        the code, and a deploy that changes it reaches the runs that are there."""
        found: dict[str, Any] = {}
        for parameter in self._parameters.parameters.values():
            if parameter.kind in _BY_NAME and parameter.default is not parameter.empty:
                found.update(self._kept(parameter.name, parameter.default))
        return found

    def _kept(self, name: str, default: Any) -> dict[str, Any]:
        try:
            codec = self._codec(name)
            plain = loads(codec.encode(default, max_bytes=_NO_LIMIT))
            return {name: plain} if same(codec.from_plain(plain), default) else {}
        except Exception:  # a class may refuse to be stored, or compared, in any way of its own
            return {}

    def __str__(self) -> str:
        return str(inspect.signature(self._function))

    def by_name(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return arguments by the names of their parameters. Raises TypeError."""
        return dict(self._parameters.bind(*args, **kwargs).arguments)

    def refuse_unfit(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Raise TypeError for arguments with which the function cannot be called."""
        given = {*self._places[: len(args)], *kwargs}
        fits = self._required <= given <= self._names and len(given) == len(args) + len(kwargs)
        if not (fits and self._are_plain):
            self._parameters.bind(*args, **kwargs)  # slower; it says what is wrong

    @functools.cached_property
    def _are_plain(self) -> bool:
        return all(each.kind in _BY_NAME for each in self._parameters.parameters.values())

    @functools.cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(self._parameters.parameters)

    @functools.cached_property
    def _required(self) -> frozenset[str]:
        known = self._parameters.parameters.values()
        return frozenset(each.name for each in known if each.default is each.empty)

    def named(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return arguments that fit by the names of their parameters, quickly. Of *parameters the
        rest has the name."""
        places = self._places
        if not args:
            return kwargs
        given = dict(zip(places, args, strict=False)) | kwargs
        if len(args) > len(places):
            given["*"] = args[len(places) :]
        return given

    @functools.cached_property
    def _places(self) -> tuple[str, ...]:
        """The parameters that take an argument by its place."""
        kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        found = self._parameters.parameters.values()
        return tuple(each.name for each in found if each.kind in kinds)

    def without_defaults(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments that are no default of their parameter."""
        known = self._parameters.parameters
        return {
            name: value
            for name, value in given.items()
            if name not in known or not is_default(known[name].default, value)
        }

    @property
    def names(self) -> list[str]:
        """Return what its parameters are called."""
        return list(self._parameters.parameters)

    def with_defaults(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return arguments by name, and the defaults of the others."""
        known = self._parameters.parameters.values()
        return {each.name: each.default for each in known if each.default is not each.empty} | given

    def takes(self, name: str) -> bool:
        """Say whether a parameter has this name."""
        return name in self._parameters.parameters

    def encode_input(self, given: dict[str, Any], *, max_bytes: int) -> Input:
        """Return keyword arguments as JSON text, and the defaults of the others. max_bytes is for
        what is given. Raises TypeError, ValueNotStorable."""
        self.refuse_unfit((), given)
        plain = {}
        for name, value in given.items():
            try:
                plain[name] = loads(self._codec(name).encode(value, max_bytes=max_bytes))
            except ValueNotStorable as exc:
                raise type(exc)(f"{name}: {exc}") from None
        left_out = {name: value for name, value in self._defaults.items() if name not in given}
        return Input(_anything().encode(plain, max_bytes=max_bytes), dumps(left_out))

    def decode_input(self, stored: Input) -> dict[str, Any]:
        """Return the keyword arguments. Raises TypeError, ValueNotStorable.

        What was left to a default has the one of then; for a parameter that is new since, and for
        runs that began before defaults were stored, the one of now.
        """
        then = loads(stored.defaults)
        known = {name: then[name] for name in then if name in self._parameters.parameters}
        plain = {**copied_plain(self._defaults), **known, **loads(stored.given)}
        self.refuse_unfit((), plain)
        decoded = {name: self._codec(name).from_plain(value) for name, value in plain.items()}
        # What the code does with a default must not reach its next replay, or another run.
        return {name: copied(each) for name, each in self._fillable.items()} | decoded

    @functools.cached_property
    def _fillable(self) -> dict[str, Any]:
        """The defaults that stay with the code, and in which it may keep something."""
        return {
            each.name: each.default
            for each in self._parameters.parameters.values()
            if each.kind in _BY_NAME
            and each.name not in self._defaults
            and may_be_filled(each.default)
        }

    def is_same(self, stored: Input, asked: Input) -> bool:
        """Say whether both are the same input. What neither gives is, whatever its default was
        then and is now."""
        given_then, given_now = loads(stored.given), loads(asked.given)
        then = {**self._defaults, **loads(stored.defaults), **given_then}
        now = {**self._defaults, **given_now}
        names = given_then.keys() | given_now.keys()
        return names <= then.keys() & now.keys() and all(then[each] == now[each] for each in names)

    def _codec(self, name: str) -> Codec:
        return self._codecs.get(name) or _anything()


@functools.cache
def _anything() -> Codec:
    """Return the codec of values without an annotation; to make one takes longer than to use it."""
    return Codec()
