"""What @workflow cannot be told is refused where it is written."""

from typing import Any

import pytest

from workflows.core.errors import DefinitionError
from workflows.definitions.workflow_options import MOST_CRASHES, labels, told_as


def test_labels_are_kept_in_their_order() -> None:
    assert labels("w", "Ships.", ["b", "a"], "ann", 3) == {
        "description": "Ships.",
        "max_crashes": 3,
        "tags": ("a", "b"),
        "owner": "ann",
    }


@pytest.mark.parametrize("given", [(7, (), "", None), ("", "a", "", None), ("", (), 7, None)])
def test_labels_that_cannot_be_are_refused(given: Any) -> None:
    with pytest.raises(DefinitionError, match="w: "):
        labels("w", *given)


@pytest.mark.parametrize("most", [0, True, 1.5, MOST_CRASHES + 1])
def test_crashes_are_a_whole_number(most: Any) -> None:
    with pytest.raises(DefinitionError, match="max_crashes"):
        labels("w", "", (), "", most)


def test_a_workflow_is_told_by_its_name() -> None:
    assert told_as("shop.order", 1) == "workflow 'shop.order'"
    with pytest.raises(DefinitionError, match="version is 0"):
        told_as("shop.order", 0)
