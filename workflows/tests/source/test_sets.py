"""Which sets a function goes through; what is warned of is in test_determinism.py."""

import ast
from typing import Any

from workflows.definitions.functions import plain_function
from workflows.source.parsing import body_of
from workflows.source.sets import walked_sets


def story(given: set[str], plain: Any) -> list[str]:
    names = {"a"} | given
    counted = len([each for each in names if each])
    return [*sorted(names), *(each for each in given), *[str(each) for each in plain], str(counted)]


def test_a_parameter_and_a_name_that_are_sets_are_known() -> None:
    function = plain_function(story)
    nodes = [node for top in body_of(function) for node in ast.walk(top)]

    assert [ast.unparse(each) for each in walked_sets(function, nodes)] == ["given"]
