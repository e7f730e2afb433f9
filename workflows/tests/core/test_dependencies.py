"""The dependencies of a graph: each must exist, and none may wait for itself."""

import pytest

from workflows.core.dependencies import check_graph
from workflows.core.errors import DefinitionError


@pytest.mark.parametrize(
    ("after", "why"),
    [
        ({"a": ["a"]}, "a wait"),
        ({"a": ["b"], "b": ["a"], "c": []}, "a, b wait"),
        ({"a": ["z"]}, "'z'"),
    ],
)
def test_a_wrong_graph_is_refused_by_name(after: dict[str, list[str]], why: str) -> None:
    with pytest.raises(DefinitionError, match=why):
        check_graph(after)
