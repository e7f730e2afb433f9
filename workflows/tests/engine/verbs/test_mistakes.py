"""What people write by mistake is told in one sentence, before anything is tried."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from workflows.api import Context, RunState, RunView, current_step, step, workflow
from workflows.tests.builders import driven
from workflows.tests.flows import greet, greet_once

pytestmark = pytest.mark.django_db

Body = Callable[[Any], Any]


@step
def takes_after(after: str = "") -> str:
    return after


@workflow("tests.mistakes.detached")
def takes_detached(run: Context, detached: bool = False) -> bool:
    return detached


TOLD: dict[str, Body] = {
    "step greet(name: str) -> str: missing a required argument: 'name'": lambda run: run.step(
        greet
    ),
    "step greet(name: str) -> str: too many positional": lambda run: run.step(greet, "a", "b"),
    "step greet(name: str) -> str: got an unexpected": lambda run: run.step(greet, "a", title="Dr"),
    "step greet(name: str) -> str: missing a": lambda run: run.gather(run.call(greet)),
    "'Hello, a' is not a step: give the step itself": lambda run: run.step(run.step(greet, "a")),
    "give the calls one by one: run.gather(*calls)": lambda run: run.gather([run.call(greet, "a")]),
    "'0' is no call: write run.call(step, …) in the place of 'Hello, a'": lambda run: run.gather(
        run.step(greet, "a")
    ),
    "belong into run.graph": lambda run: run.gather(run.call(greet, "a", after="b")),
    'give a dictionary of calls by name: {"a": run.call(…)}': lambda run: run.graph([]),
    "hand on the result itself": lambda run: run.step(greet, run.output("a")),
    "step 'greet': run.output(…) stands for a result as an argument of its own": lambda run: (
        run.graph({"a": run.call(greet, "a"), "b": run.call(greet, [run.output("a")])})
    ),
    "step 'greet': run.output(…) stands for a result as an argument": lambda run: run.graph(
        {"a": run.call(greet, "a"), "b": run.call(greet, {"x": [run.output("a")]})}
    ),
    "step 'takes_after' has a parameter of that name: write run.call.using(after=…)": lambda run: (
        run.graph({"a": run.call(greet, "a"), "b": run.call(takes_after, after="a")})
    ),
    "has a parameter of that name: write run.start_child.using(detached=…)": lambda run: (
        run.start_child(takes_detached, detached=True)
    ),
    "returns the generator <lambda>.<locals>.<genexpr>, of which nothing has run": lambda run: (
        run.step(greet, name) for name in ("a", "b")
    ),
    "two of its keys are one as JSON": lambda run: {1: "a", "1": "b"},
    "map: an input is 'Ann'; give a dictionary": lambda run: run.map(greet_once, ["Ann", "Bob"]),
    "there is no workflow 'tests.great'; did you mean 'tests.greet'?": lambda run: run.start_child(
        "tests.great", name="Ann"
    ),
    "give what start_child returned": lambda run: run.wait_any(child=uuid4(), seconds=1),
    "wait_event('go', 5): give a name, or several; the time as timeout_seconds=": lambda run: (
        run.wait_event("go", 5)
    ),
    "the event to wait for is 5; give a name, or a list": lambda run: run.wait_event(5),
    "the event to wait for is {'go'}; give a name, or a list": lambda run: run.wait_event({"go"}),
    "the event to wait for is 7; give a name": lambda run: run.wait_any(event=7),
    "after is 5; give the name of a graph's call": lambda run: run.call.using(after=5)(greet, "a"),
    "'b' comes after [], which is not in it": lambda run: run.graph(
        {"a": run.call(greet, "a"), "b": run.call(greet, run.output([]))}
    ),
    "the name of a call is 1; give a text": lambda run: run.graph({1: run.call(greet, "a")}),
    "'a' is no call of this graph: give what run.call returned": lambda run: run.graph(
        {"a": run.call(greet, "a")}
    ).of("a"),
    "map: the children are 5; give [run.child(workflow, …), …]": lambda run: run.map(5),
    "map: the inputs are 5; give a list of dictionaries": lambda run: run.map(greet_once, 5),
    "map: an input is {1: 2}; give a dictionary": lambda run: run.map(greet_once, [{1: 2}]),
    "a limit of '3'; give a whole number of 1 or more": lambda run: run.map([], limit="3"),
    "a limit of True; give a whole number of 1": lambda run: run.gather(limit=True),
    "start_child: detached is 1; give True or False": lambda run: run.start_child.using(detached=1)(
        greet_once, name="Ann"
    ),
    "run.data is 'stage'; give a dictionary": lambda run: setattr(run, "data", "stage"),
}


@pytest.mark.parametrize("words", TOLD)
def test_a_mistake_in_workflow_code_blocks_the_run_with_one_sentence(words: str) -> None:
    run = run_of(TOLD[words])

    assert run.state == RunState.BLOCKED, run.error
    assert words in (run.error or {})["message"]


def test_a_status_that_is_assigned_is_an_error_and_not_forgotten() -> None:
    run = run_of(lambda run: setattr(run, "status", "Packing"))

    assert run.state == RunState.BLOCKED
    assert "no attribute 'status'" in (run.error or {})["message"]


def test_a_step_that_takes_a_type_error_itself_is_still_tried_again() -> None:
    @step
    def clumsy() -> str:
        info = current_step()
        assert info is not None
        return "1" + (1 if info.attempt == 1 else "1")  # type: ignore[operator]

    run = run_of(lambda run: run.step(clumsy))

    assert run.state == RunState.WAITING


def run_of(body: Body) -> RunView:
    """Run a workflow of this body as far as it goes."""

    @workflow(f"tests.mistake {uuid4()}")
    def mistaken(run: Context) -> Any:
        return body(run)

    return driven(mistaken)
