"""The examples of docs/testing-workflows.md, run one after the other as they stand."""

import linecache
import re
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import Group

from workflows import testing

PAGE = Path(__file__).resolve().parents[3] / "docs/testing-workflows.md"

pytestmark = pytest.mark.django_db


class Orders:
    """The table of the examples, in one that is there."""

    @staticmethod
    def filter(pk: int) -> Any:
        return SimpleNamespace(update=lambda reference: Group.objects.create(name=reference))


def references() -> list[str]:
    return sorted(Group.objects.values_list("name", flat=True))


def examples() -> dict[str, Callable[..., None]]:
    """Run the page's code; return its tests by name."""
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S))
    linecache.cache[str(PAGE)] = (len(code), None, code.splitlines(keepends=True), str(PAGE))
    page: dict[str, Any] = {
        "__name__": "docs_testing_workflows",
        "Order": SimpleNamespace(objects=Orders),
        "payments": SimpleNamespace(charge=lambda order_id: f"ref-{order_id}"),
        "references": references,
    }
    exec(compile(code, str(PAGE), "exec"), page)
    return {name: each for name, each in page.items() if name.startswith("test_")}


TESTS = examples()


@pytest.mark.parametrize("name", TESTS)
def test_an_example_of_the_page_runs(name: str, tmp_path: Path) -> None:
    takes_a_folder = bool(signature(TESTS[name]).parameters)

    TESTS[name](*([tmp_path] if takes_a_folder else []))


def test_every_verb_of_the_kit_is_on_the_page() -> None:
    page = PAGE.read_text()

    for name in testing.__all__:
        if name not in {"CrashReport", "Fake", "forget_time"}:
            assert f"{name}(" in page, name


def test_the_plugin_brings_the_kit(workflow_kit: ModuleType) -> None:
    assert workflow_kit is testing
    assert workflow_kit.drive_until_idle() == 0
