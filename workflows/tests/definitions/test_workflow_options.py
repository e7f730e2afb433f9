"""What @workflow cannot be told is refused where it is written."""

from typing import Any

import pytest

from workflows.core.errors import DefinitionError
from workflows.definitions.workflow_options import (
    MOST_CRASHES,
    WorkflowOptions,
    read_options,
    told_as,
)


def test_what_is_not_said_has_its_default() -> None:
    options = read_options("w", {"pool": "gpu"})

    assert options.keys() == WorkflowOptions.__annotations__.keys()
    assert (options["pool"], options["on_failure"]) == ("gpu", "stop")


def test_labels_are_kept_in_their_order() -> None:
    options = read_options("w", {"tags": ["b", "a"], "owner": "ann"})

    assert (options["tags"], options["owner"]) == (("a", "b"), "ann")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("description", 7),
        ("tags", "a"),
        ("owner", 7),
        ("on_failure", "retry"),
        ("on_cancel", None),
        ("fails_on", KeyError),
        ("deadline_seconds", -1),
        ("pool", 7),
        ("events", ["go"]),
    ],
)
def test_what_cannot_be_is_refused(name: str, value: Any) -> None:
    given: Any = {name: value}

    with pytest.raises(DefinitionError, match=r"^w: "):
        read_options("w", given)


def test_an_option_that_there_is_not_is_refused_with_the_one_that_was_meant() -> None:
    given: Any = {"on_fail": "compensate"}

    with pytest.raises(
        DefinitionError, match="@workflow takes no on_fail; did you mean on_failure"
    ):
        read_options("w", given)


@pytest.mark.parametrize("most", [0, True, 1.5, MOST_CRASHES + 1])
def test_crashes_are_a_whole_number(most: Any) -> None:
    with pytest.raises(DefinitionError, match="max_crashes"):
        read_options("w", {"max_crashes": most})


def test_a_workflow_is_told_by_its_name() -> None:
    assert told_as("shop.order", 1) == "workflow 'shop.order'"
    with pytest.raises(DefinitionError, match="version is 0"):
        told_as("shop.order", 0)
