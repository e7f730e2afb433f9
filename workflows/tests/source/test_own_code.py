"""Which functions belong to the project."""

import functools
import json
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from django.shortcuts import redirect

from ops import cli
from workflows.api import start, step
from workflows.source.own_code import is_own, is_step, own_functions


def caller() -> None: ...


@functools.cache
def remembered() -> int:
    return 7


class Desk:
    def __init__(self) -> None: ...


@step
def a_step() -> None: ...


def called(value: Any) -> list[types.FunctionType]:
    assert isinstance(caller, types.FunctionType)
    return list(own_functions(value, caller))


def test_a_function_of_another_module_of_the_project_is_its_own() -> None:
    assert called(cli.main) == [cli.main]


@pytest.mark.parametrize("foreign", [json.dumps, redirect, pytest.importorskip, start.using, len])
def test_python_django_what_is_installed_and_the_engine_are_not(foreign: Any) -> None:
    assert called(foreign) == []


def test_a_folder_for_packages_inside_the_project_is_not_the_project(tmp_path: Path) -> None:
    file = tmp_path / ".venv" / "lib" / "site-packages" / "there.py"
    space: dict[str, Any] = {}
    exec(compile("def there(): ...", str(file), "exec"), space)

    assert called(space["there"]) == []


def test_what_a_decorator_wraps_is_found_below_it() -> None:
    assert called(remembered) == [remembered.__wrapped__]
    assert called(functools.partial(cli.main, [])) == [cli.main]


def test_to_make_an_object_is_to_call_what_makes_it() -> None:
    assert called(Desk) == [Desk.__init__]


def test_a_step_is_not_the_workflows_own_code() -> None:
    assert is_step(a_step)
    assert called(a_step) == []


def test_the_callers_module_is_own_wherever_it_lies() -> None:
    assert isinstance(json.dumps, types.FunctionType) and isinstance(json.dump, types.FunctionType)

    assert is_own(json.dumps, json.dump)
    assert sys.modules["json"].__file__ == json.dumps.__code__.co_filename
