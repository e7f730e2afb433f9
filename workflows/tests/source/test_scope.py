"""What the expressions of a function stand for."""

import ast
import time
from collections.abc import Callable
from types import FunctionType
from typing import Any

import pytest

from workflows.api import step
from workflows.source.meanings import Meaning
from workflows.source.parsing import body_of
from workflows.source.scope import Scope, class_named_by

clock = time.time


class Desk:
    chair: "Chair | None" = None

    def wipe(self) -> None:
        self.chair  # noqa: B018


class Chair:
    def fold(self) -> None: ...


@step
def load() -> Desk:
    return Desk()


def asked(function: Callable[..., Any]) -> Meaning:
    """Return what the last statement of a function, an expression, stands for."""
    assert isinstance(function, FunctionType)
    body = body_of(function)
    scope = Scope(function, [node for top in body for node in ast.walk(top)])
    last = body[-1]
    assert isinstance(last, ast.Expr)
    return scope.meaning(last.value)


# Each names one thing, in its last line.
def global_alias() -> None:
    clock  # noqa: B018


def imported_inside() -> None:
    from time import sleep as pause

    pause  # noqa: B018


def not_loaded() -> None:
    import story_never_there  # type: ignore[import-not-found]

    story_never_there.price  # noqa: B018


def local_name(clock: Any) -> None:
    clock  # noqa: B018


def annotated(desk: "Desk | None") -> None:
    desk.wipe  # type: ignore[union-attr]  # noqa: B018


def assigned() -> None:
    desk = Desk()
    desk.wipe  # noqa: B018


def assigned_twice(other: Any) -> None:
    desk = Desk()
    desk = other
    desk.wipe  # noqa: B018


def result_of_a_step(run: Any) -> None:
    desk = run.step(load)
    desk.wipe  # noqa: B018


def field_of_an_object(desk: Desk) -> None:
    desk.chair.fold  # type: ignore[union-attr]  # noqa: B018


def made_of_itself(desk) -> None:  # type: ignore[no-untyped-def]
    desk = desk.wipe
    desk  # noqa: B018


def outer() -> Callable[..., Any]:
    around = time.sleep

    def inner() -> None:
        around  # noqa: B018

    return inner


@pytest.mark.parametrize("function", [global_alias, imported_inside, outer()])
def test_imports_aliases_and_what_is_around_are_found(function: Callable[..., Any]) -> None:
    assert {"time.time", "time.sleep"} & set(asked(function).names)


@pytest.mark.parametrize("function", [annotated, assigned, result_of_a_step])
def test_a_method_is_found_by_the_class_of_its_object(function: Callable[..., Any]) -> None:
    assert asked(function).value is Desk.wipe


def test_a_field_has_the_class_of_its_annotation() -> None:
    assert asked(field_of_an_object).value is Chair.fold


@pytest.mark.parametrize("function", [local_name, assigned_twice, made_of_itself])
def test_what_only_a_run_tells_is_unknown(function: Callable[..., Any]) -> None:
    assert asked(function).names == ()


def test_self_is_an_object_of_the_class_around() -> None:
    assert asked(Desk.wipe).kind is Chair


def test_a_module_that_is_not_loaded_is_known_by_its_name_alone() -> None:
    assert asked(not_loaded).names == ("story_never_there.price",)


def test_an_annotation_may_be_a_text_or_beside_none() -> None:
    assert isinstance(local_name, FunctionType)

    assert class_named_by("Desk", local_name) is Desk
    assert class_named_by("Desk | None", local_name) is Desk
    assert class_named_by(Desk | None, local_name) is Desk
    assert class_named_by("not an annotation", local_name) is None
    assert class_named_by(list[Desk], local_name) is None
