"""The forms that type checkers can check: they do what the older spelling does."""

from typing import Any

import pytest

from workflows.api import (
    Call,
    Context,
    DefinitionError,
    InvalidInput,
    KeyConflict,
    Permanent,
    RunState,
    StepFailed,
    Workflow,
    cancel,
    get_run,
    list_runs,
    start,
    step,
    workflow,
)
from workflows.source.plan import planned_steps
from workflows.testing import advance, crash_everywhere, drive_until_idle
from workflows.tests.builders import driven, kinds

pytestmark = pytest.mark.django_db


@step
def double(number: int) -> int:
    if number < 0:
        raise Permanent("too small")
    return 2 * number


@step
def name_of(number: int, *, loud: bool = False) -> str:
    return f"number {number}{'!' if loud else ''}"


@workflow("forms.doubled")
def doubled(run: Context, number: int, seconds: float = 0) -> int:
    run.sleep(seconds)
    return run.step(double, number)


@workflow("forms.own_deadline")
def own_deadline(run: Context, deadline_seconds: int) -> int:
    return deadline_seconds


def test_start_using_a_key_is_idempotent() -> None:
    begin = start.using(key="seven")

    first = begin(doubled, number=7)

    assert begin(doubled, number=7).id == first.id == start(doubled, key="seven", number=7).id
    assert first.key == "seven"
    with pytest.raises(KeyConflict):
        begin(doubled, number=8)


def test_start_using_a_deadline_has_it() -> None:
    run = start.using(deadline_seconds=60)(doubled, 7, seconds=3600)
    drive_until_idle()

    advance(seconds=61)

    assert get_run(run.id).state == RunState.FAILED


def test_an_option_in_using_is_never_taken_for_input() -> None:
    run = start.using(deadline_seconds=60)(own_deadline, deadline_seconds=5)

    assert (run.input, run.deadline is None) == ({"deadline_seconds": 5}, False)


def test_input_may_be_given_by_place_and_is_kept_by_name() -> None:
    assert start(doubled, 7, seconds=1).input == {"number": 7, "seconds": 1}
    assert start("forms.doubled", 7).id != start.using(key="k")("forms.doubled", 7).id


@workflow("forms.keywords")
def keywords(run: Context, *, number: int) -> int:
    return number


@pytest.mark.parametrize(
    ("flow", "given", "named"),
    [(doubled, (1, 2, 3), {}), (doubled, (1,), {"number": 1}), (keywords, (1,), {})],
)
def test_what_cannot_be_given_by_place_is_refused(
    flow: Workflow[..., Any], given: tuple[Any, ...], named: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput, match="given by place do not fit"):
        start(flow, *given, **named)


@workflow("forms.letting_go")
def letting_go(run: Context) -> str:
    child = run.start_child.using(detached=True)(doubled, 1, seconds=60)
    return str(child.id)


def test_a_child_started_detached_lives_on() -> None:
    run = driven(letting_go)

    [child] = list_runs(workflow=doubled)
    assert get_run(run.id).output == str(child.id)
    assert child.state == RunState.WAITING


@workflow("forms.keeping")
def keeping(run: Context) -> int:
    return run.start_child.using(detached=False)(doubled, 1, seconds=60).result()


def test_a_child_started_attached_is_cancelled_with_its_parent() -> None:
    run = driven(keeping)

    cancel(run.id)
    drive_until_idle()

    [child] = list_runs(workflow=doubled)
    assert child.state == RunState.CANCELLED


@workflow("forms.mapping")
def mapping(run: Context, numbers: list[int]) -> list[int]:
    some = run.map([run.child(doubled, number) for number in numbers], limit=2)
    return some + run.map([run.child(keywords, number=7), run.child("forms.doubled", number=8)])


def test_map_starts_the_children_it_is_given_in_order() -> None:
    run = driven(mapping, numbers=[1, 2, 3])

    assert run.output == [2, 4, 6, 7, 16]


@workflow("forms.spreading")
def spreading(run: Context) -> list[int]:
    return run.map([run.child(keywords, number=1)])


def test_killed_anywhere_map_starts_each_given_child_once() -> None:
    def play() -> None:
        start(spreading)
        drive_until_idle()

    crash_everywhere(play)


@workflow("forms.mapping_wrongly")
def mapping_wrongly(run: Context, what: str) -> None:
    if what == "no inputs":
        run.map(doubled)  # type: ignore[call-overload]
    run.map([run.child(doubled, 1), {"number": 2}])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("no inputs", "map: give the workflow's inputs"),
        ("no child", "map: a child is {'number': 2}; give run.child(workflow, …)"),
    ],
)
def test_map_of_something_else_blocks_the_run_before_a_child_starts(what: str, why: str) -> None:
    run = driven(mapping_wrongly, what=what)

    assert run.state == RunState.BLOCKED
    assert run.error is not None
    assert why in run.error["message"]
    assert list_runs(workflow=doubled) == []


@workflow("forms.graph")
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


@workflow("forms.failing_graph")
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


@workflow("forms.pair")
def pair(run: Context) -> tuple[int, str]:
    return run.gather(run.call(double, 1), run.call(name_of, 2))


@workflow("forms.giving_a_pair")
def giving_a_pair(run: Context) -> int:
    two = run.gather(run.call(double, 1), run.call(name_of, 2))
    return run.start_child(taking_a_pair, two).result()


@workflow("forms.taking_a_pair")
def taking_a_pair(run: Context, two: tuple[int, str]) -> int:
    return two[0]


def test_what_gather_returns_may_be_kept_as_the_tuple_it_is_for_type_checkers() -> None:
    assert driven(pair).output == [2, "number 2"]
    assert driven(giving_a_pair).output == 2
