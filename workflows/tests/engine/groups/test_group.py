"""A group under way: which of its branches may start."""

from collections.abc import Iterable

from workflows.api import StepFailed, step
from workflows.definitions.step import step_definition
from workflows.engine.groups.group import Branch, Call, Group, make_group


@step
def do_nothing(name: str) -> None: ...


def group(after: dict[str, list[str]]) -> Group:
    definition = step_definition(do_nothing)
    calls = {
        name: Call(step=definition, args=(name,), kwargs={}, after=tuple(needs))
        for name, needs in after.items()
    }
    return make_group(1, calls, limit=8, on_error="stop")


def names(branches: Iterable[Branch]) -> list[str]:
    return [branch.name for branch in branches]


def test_a_call_may_start_when_all_it_comes_after_have_completed() -> None:
    graph = group({"a": [], "b": ["a"], "c": ["a", "b"], "d": []})
    a, b, _, d = graph.branches

    assert names(graph.open()) == ["a", "d"]
    graph.complete(a, 1)
    assert names(graph.open()) == ["b", "d"]
    graph.complete(b, 2)
    assert names(graph.open()) == ["c", "d"]
    d.started = True
    assert names(graph.open()) == ["c"]


def test_nothing_may_start_after_a_failure_unless_the_group_goes_on() -> None:
    graph = group({"a": [], "b": ["a"], "c": []})
    failed = StepFailed("a", "ValueError", "no", 1, permanent=True)

    graph.fail(graph.branches[0], failed)

    assert names(graph.open()) == []
    graph.on_error = "continue"
    assert names(graph.open()) == ["c"]
