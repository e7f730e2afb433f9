"""The source of workflow functions: found by where it is written, decorators and all."""

import ast
import functools
from types import FunctionType
from typing import Any

from workflows.api import step
from workflows.source.parsing import body_of, is_helper


def decorated(function: Any) -> Any:
    return function


@decorated
@decorated
def plain(name: str) -> str:
    """Under two decorators."""
    return name.upper()


@step
def a_step() -> None: ...


def text_of(body: list[ast.stmt]) -> str:
    return "\n".join(ast.unparse(each) for each in body)


def test_the_statements_of_a_function_are_found_below_its_decorators() -> None:
    assert "return name.upper()" in text_of(body_of(plain))


def test_an_inner_function_is_found_too() -> None:
    def inner() -> int:
        return 7

    assert isinstance(inner, FunctionType)
    assert text_of(body_of(inner)) == "return 7"


def test_a_function_without_a_source_has_no_statements() -> None:
    made: dict[str, Any] = {}
    exec("def typed_in() -> None: ...", made)

    assert body_of(made["typed_in"]) == []


def test_a_plain_function_of_the_same_module_is_a_helper_and_a_step_is_none() -> None:
    caller = plain
    assert isinstance(caller, FunctionType)

    assert is_helper(decorated, caller)
    assert not is_helper(functools.reduce, caller)  # of another module
    assert not is_helper(a_step, caller)
    assert not is_helper(len, caller)
