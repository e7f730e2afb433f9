"""Priorities are a few whole numbers."""

from typing import Any

import pytest

from workflows.core.errors import DefinitionError
from workflows.core.priority import check_priority


@pytest.mark.parametrize("priority", [-9, 0, 9])
def test_whole_numbers_within_the_range_are_priorities(priority: int) -> None:
    assert check_priority("start", priority) == priority


@pytest.mark.parametrize("priority", [-10, 10, 1.0, "high", True, None])
def test_anything_else_is_refused_with_what_to_give(priority: Any) -> None:
    with pytest.raises(DefinitionError, match="give a whole number from -9 to 9") as refused:
        check_priority("start", priority)

    assert str(refused.value).startswith("start: priority is ")
