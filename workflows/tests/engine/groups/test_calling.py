"""Calls with their options in `using`, and a graph's results by call."""

import pytest

from workflows.api import (
    Call,
    Context,
    DefinitionError,
    StepFailed,
    workflow,
)
from workflows.source.plan import planned_steps
from workflows.tests.builders import driven, kinds
from workflows.tests.engine.forms import double, name_of

pytestmark = pytest.mark.django_db


@workflow("calls.graph")
def by_name_or_call(run: Context) -> tuple[int, str]:
    first = run.call(double, 1)
    later = run.call.using(after="first")(name_of, 2, loud=True)
    found = run.graph({"first": first, "later": later})
    assert found == {"first": 2, "later": "number 2!"}
    return found.of(first), found.of(later)


def test_a_graph_answers_by_call_and_waits_for_what_it_comes_after() -> None:
    run = driven(by_name_or_call)

    assert run.output == [2, "number 2!"]
    assert kinds(run.id) == ["group_started", "step_completed", "step_completed", "run_completed"]


def test_the_plan_names_a_step_called_with_options() -> None:
    function = by_name_or_call.workflow_definition.function

    assert [each.name for each in planned_steps(function)] == ["double", "name_of"]


@workflow("calls.failing_graph")
def asking_for_what_failed(run: Context, what: str) -> str:
    bad, other = run.call(double, -1), run.call(double, 5)
    behind = run.call.using(after=["bad"])(double, 1)
    found = run.graph({"bad": bad, "behind": behind}, on_error="continue")
    asked: dict[str, Call[int]] = {"failed": bad, "not run": behind, "foreign": other}
    try:
        return str(found.of(asked[what]))
    except (StepFailed, KeyError, DefinitionError) as exc:
        return type(exc).__name__


@pytest.mark.parametrize(
    ("what", "raised"),
    [("failed", "StepFailed"), ("not run", "KeyError"), ("foreign", "DefinitionError")],
)
def test_a_graph_says_what_a_call_without_a_result_came_to(what: str, raised: str) -> None:
    assert driven(asking_for_what_failed, what=what).output == raised
