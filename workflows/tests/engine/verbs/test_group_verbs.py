"""Steps by their dependencies: as parallel as these allow, joins included, cycles refused."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from workflows.api import Context, Permanent, RunState, start, step, workflow
from workflows.testing import crash_everywhere
from workflows.tests.builders import PATIENCE_SECONDS, driven
from workflows.tests.flows import ONCE, notes

hooks: dict[str, Callable[[], Any]] = {}
NOWHERE = "nowhere"


@pytest.fixture(autouse=True)
def no_hooks() -> None:
    hooks.clear()


def undo_add(output: int, name: str, *numbers: int) -> None:
    notes.note(f"undo {name}{list(numbers)} = {output}")


@step(retry=ONCE, compensate=undo_add)
def add(name: str, *numbers: int) -> int:
    notes.note(name)
    hooks.get(name, str)()
    if name == "bad":
        raise Permanent("no")
    return sum(numbers)


@workflow("tests.diamond")
def diamond(run: Context) -> dict[str, int]:
    """The join stands before what it depends on: positions need not follow dependencies."""
    return run.graph(
        {
            "join": run.call(add, "join", run.output("left"), run.output("right")),
            "left": run.call(add, "left", run.output("top"), 10),
            "right": run.call(add, "right", run.output("top"), 100),
            "top": run.call(add, "top", 1),
        }
    )


@workflow("tests.graph_with_a_failure", on_failure="compensate")
def with_a_failure(run: Context, on_error: str) -> list[str]:
    found = run.graph(
        {
            "last": run.call(add, "last", after=["bad"]),
            "beside": run.call(add, "beside", run.output("first"), after=["first"]),
            "bad": run.call(add, "bad", after=["beside"]),
            "first": run.call(add, "first", 7),
        },
        on_error=on_error,  # type: ignore[arg-type]
    )
    return sorted(found)


@workflow("tests.graph_with_a_cycle")
def with_a_cycle(run: Context) -> None:
    run.graph({"a": run.call(add, "a", after=["b"]), "b": run.call(add, "b", run.output("a"))})


@workflow("tests.graph_with_keywords")
def with_keywords(run: Context) -> dict[str, int]:
    return run.graph(
        {
            "sum": run.call(add_named, left=run.output("one"), right=5),
            "one": run.call(add, "one", 1),
        }
    )


@step
def add_named(*, left: int, right: int) -> int:
    return left + right


@workflow("tests.graph_to_nowhere")
def to_nowhere(run: Context) -> None:
    run.graph({"a": run.call(add, "a", run.output(NOWHERE))})


@pytest.mark.django_db
def test_each_call_gets_the_results_it_depends_on() -> None:
    run = driven(diamond)

    assert run.output == {"top": 1, "left": 11, "right": 101, "join": 112}
    assert (notes.done[0], notes.done[-1]) == ("top", "join")


@pytest.mark.django_db
def test_a_result_may_be_a_keyword_argument_too() -> None:
    assert driven(with_keywords).output == {"sum": 6, "one": 1}


@pytest.mark.usefixtures("committed")
def test_what_does_not_depend_on_each_other_overlaps() -> None:
    both = threading.Barrier(2)
    hooks["left"] = hooks["right"] = lambda: both.wait(PATIENCE_SECONDS)

    assert driven(diamond).output["join"] == 112


@pytest.mark.django_db
def test_what_depends_on_a_failed_call_is_not_run_and_its_result_is_missing() -> None:
    run = driven(with_a_failure, on_error="continue")

    assert run.output == ["bad", "beside", "first"]
    assert notes.count("last") == 0


@pytest.mark.django_db
def test_compensation_follows_the_order_of_completion_and_knows_the_arguments() -> None:
    run = driven(with_a_failure, on_error="stop")

    assert run.state == RunState.COMPENSATED
    assert notes.done[-2:] == ["undo beside[7] = 7", "undo first[7] = 7"]


@workflow("tests.graph_with_a_limit")
def with_a_limit(run: Context) -> None:
    run.graph({"a": run.call(add, "a")}, limit=0)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("function", "why"),
    [
        (with_a_limit, "a limit of 0"),
        (with_a_cycle, "in a cycle"),
        (to_nowhere, "which is not in it"),
    ],
)
def test_a_graph_that_cannot_run_blocks_the_run_before_anything_runs(
    function: Any, why: str
) -> None:
    run = driven(function)

    assert run.state == RunState.BLOCKED
    assert run.error is not None
    assert why in run.error["message"]
    assert notes.done == []


@pytest.mark.django_db
@pytest.mark.parametrize("on_error", ["stop", "continue", "compensate"])
def test_killed_anywhere_a_graph_ends_the_same(on_error: str) -> None:
    def play() -> None:
        notes.done.clear()
        start(with_a_failure, on_error=on_error)

    crash_everywhere(play, at_least_once=lambda: notes.done)
