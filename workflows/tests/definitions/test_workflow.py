"""What the decorators refuse, and what they leave alone."""

from collections.abc import Iterator
from typing import Any

import pytest

from workflows.api import Context, DefinitionError, DuplicateWorkflow, workflow
from workflows.definitions.workflow import find_workflow, workflow_definition
from workflows.tests.registering import own_workflows


@pytest.fixture(autouse=True)
def own_registry() -> Iterator[None]:
    """Forget what a test registers."""
    with own_workflows():
        yield


def first(run: Context) -> None: ...


def second(run: Context) -> None: ...


def test_a_workflow_is_found_by_name_and_version() -> None:
    workflow("tests.named", version=3)(first)

    found = find_workflow("tests.named", 3)

    assert found is workflow_definition(first)
    assert find_workflow("tests.named", 2) is None


def test_two_functions_cannot_share_a_name_and_version() -> None:
    workflow("tests.named")(first)

    with pytest.raises(DuplicateWorkflow, match=r"'tests\.named' version 1 is already .*\.first"):
        workflow("tests.named")(second)

    found = find_workflow("tests.named", 1)
    assert found is not None
    assert found.function is first


def test_two_versions_of_a_name_live_side_by_side() -> None:
    workflow("tests.named", version=1)(first)
    workflow("tests.named", version=2)(second)

    assert workflow_definition(first).version == 1
    assert workflow_definition(second).version == 2


def test_a_module_that_is_imported_twice_registers_once() -> None:
    workflow("tests.named")(first)
    workflow("tests.named")(first)

    assert workflow_definition(first).name == "tests.named"


@pytest.mark.parametrize("name", ["", None, 3])
def test_a_workflow_needs_a_name(name: Any) -> None:
    with pytest.raises(DefinitionError, match="name the workflow"):
        workflow(name)


def test_a_workflow_without_its_brackets_is_told_how_to_write_them() -> None:
    with pytest.raises(DefinitionError, match="name the workflow"):
        workflow(first)  # type: ignore[arg-type]


@pytest.mark.parametrize("version", [0, -1, "1", 1.5])
def test_a_version_counts_from_one(version: Any) -> None:
    with pytest.raises(DefinitionError, match="give 1 or more"):
        workflow("tests.named", version=version)


@pytest.mark.parametrize("wrong", [KeyError, [KeyError], ("KeyError",), (SystemExit,)])
def test_what_a_workflow_fails_on_is_a_tuple_of_exceptions(wrong: Any) -> None:
    with pytest.raises(DefinitionError, match=r"fails_on=\(KeyError,\)"):
        workflow("tests.wrong_fails_on", fails_on=wrong)
