"""Which places change what outlives the run."""

import ast
from types import FunctionType

from workflows.source.parsing import body_of
from workflows.source.scope import Scope
from workflows.source.state import changed_outside

seen: list[int] = []


def story(given: list[int]) -> int:
    seen.append(1)
    given.append(2)
    seen[0] = 3
    return len(seen)


def test_a_list_of_the_module_is_told_and_one_that_is_given_is_not() -> None:
    assert isinstance(story, FunctionType)
    nodes = [node for top in body_of(story) for node in ast.walk(top)]

    found = [ast.unparse(each) for each in changed_outside(Scope(story, nodes), nodes)]

    assert sorted(found) == ["seen", "seen[0]"]
