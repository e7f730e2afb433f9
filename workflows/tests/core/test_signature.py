"""The parameters and the result of a function, as what is stored of its calls."""

import dataclasses
import inspect
from collections.abc import Callable
from types import FunctionType
from typing import TYPE_CHECKING, Any, cast

import pytest

from workflows.core.errors import DefinitionError, ValueNotStorable, ValueTooLarge
from workflows.core.signature import Signature

if TYPE_CHECKING:
    from workflows.api import Context

PLENTY = 1_000_000


@dataclasses.dataclass
class Address:
    city: str


HOME = Address("Ghent")


def signature_of(function: Any, *, skip_first: bool = False) -> Signature:
    return Signature(cast(FunctionType, function), skip_first=skip_first)


def flow(run: "Context", home: Address, count: int = 1) -> Address:
    return home


def test_input_crosses_by_the_annotations_of_the_function() -> None:
    signature = signature_of(flow, skip_first=True)

    text = signature.encode_input({"home": HOME}, max_bytes=PLENTY)

    assert signature.decode_input(text) == {"home": HOME, "count": 1}


@pytest.mark.parametrize(
    ("given_input", "what"),
    [
        ({}, "missing a required argument: 'home'"),
        ({"home": HOME, "colour": 1}, "unexpected keyword argument 'colour'"),
        ({"run": 1, "home": HOME}, "unexpected keyword argument 'run'"),
    ],
)
def test_input_that_does_not_fit_the_parameters_is_refused(
    given_input: dict[str, Any], what: str
) -> None:
    with pytest.raises(TypeError, match=what):
        signature_of(flow, skip_first=True).encode_input(given_input, max_bytes=PLENTY)


def test_input_of_another_type_is_refused() -> None:
    with pytest.raises(ValueNotStorable):
        signature_of(flow, skip_first=True).encode_input(
            {"home": HOME, "count": "many"}, max_bytes=PLENTY
        )


def test_the_limit_holds_for_the_whole_input() -> None:
    def two(a: str, b: str) -> None: ...

    with pytest.raises(ValueTooLarge):
        signature_of(two).encode_input({"a": "x" * 60, "b": "y" * 60}, max_bytes=100)


def test_a_function_may_take_any_names() -> None:
    def free(**anything: int) -> None: ...

    signature = signature_of(free)

    text = signature.encode_input({"a": 1, "b": 2}, max_bytes=PLENTY)

    assert signature.decode_input(text) == {"a": 1, "b": 2}


def test_an_annotation_known_to_type_checkers_only_is_refused_with_the_function_named() -> None:
    def late(context: "Context") -> None: ...

    with pytest.raises(DefinitionError, match="late: an annotation cannot be read"):
        _ = signature_of(late).result


def plain(a: int, b: int = 2, *, c: int, d: int = 4) -> None: ...
def by_place(a: int, /, b: int) -> None: ...
def any_places(a: int, *rest: int) -> None: ...
def any_names(a: int, **rest: int) -> None: ...
def nothing() -> None: ...


@pytest.mark.parametrize("function", [plain, by_place, any_places, any_names, nothing])
@pytest.mark.parametrize("args", [(), (1,), (1, 2), (1, 2, 3)])
@pytest.mark.parametrize("names", ["", "a", "b", "c", "ac", "bc", "cd", "abcd", "e", "ce"])
def test_arguments_are_refused_as_python_would(
    function: Any, args: tuple[int, ...], names: str
) -> None:
    def told(call: Callable[..., object]) -> str:
        try:
            call()
        except TypeError as exc:
            return str(exc)
        return ""

    kwargs = dict.fromkeys(names, 0)

    refused = told(lambda: signature_of(function).refuse_unfit(args, kwargs))

    assert refused == told(lambda: inspect.signature(function).bind(*args, **kwargs))
