"""Defaults of a workflow's parameters: a run keeps those it began with, whatever is deployed since."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import pytest
from pydantic import BaseModel

from workflows.api import (
    Context,
    KeyConflict,
    RunState,
    RunView,
    Workflow,
    export_history,
    get_run,
    list_runs,
    replay_history,
    replay_open_runs,
    start,
    workflow,
)
from workflows.engine.drive.drive import drive
from workflows.models import Run
from workflows.testing import advance, drive_until_idle
from workflows.tests.builders import claim, driven
from workflows.tests.registering import own_workflows

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_registry() -> Iterator[None]:
    """Forget what a test deploys."""
    with own_workflows():
        yield


class Size(StrEnum):
    SMALL = "small"


class Options(BaseModel):
    size: Size = Size.SMALL
    tags: list[str] = []


@dataclass
class Limits:
    seconds: float = 60
    names: list[str] = field(default_factory=list)


def deploy(function: Callable[..., Any]) -> Workflow[..., Any]:
    """Put a function into the place of the one deployed before."""
    function.__qualname__ = "deployed"
    return workflow("tests.deployed")(function)


def with_default(seconds: Any) -> Workflow[..., Any]:
    """Deploy a workflow whose second parameter has this default."""

    def deployed(run: Context, name: str = "x", seconds: Any = seconds) -> Any:
        run.wait_event("go", timeout_seconds=0)
        return seconds

    return deploy(deployed)


def with_one_parameter_less() -> Workflow[..., Any]:
    """Deploy it without that parameter."""

    def deployed(run: Context, name: str = "x") -> Any:
        run.wait_event("go", timeout_seconds=0)
        return name

    return deploy(deployed)


def with_one_parameter_more() -> Workflow[..., Any]:
    """Deploy it with another."""

    def deployed(run: Context, name: str = "x", seconds: Any = 1, more: int = 5) -> Any:
        run.wait_event("go", timeout_seconds=0)
        return more

    return deploy(deployed)


def output_of(run: RunView) -> Any:
    """Drive a run to its end and return its output."""
    drive_until_idle()
    ended = get_run(run.id)
    assert ended.state == RunState.COMPLETED, ended.error
    return ended.output


def as_the_release_before_wrote_it(run: RunView) -> RunView:
    """Leave a run without the defaults it began with."""
    Run.objects.filter(pk=run.id).update(defaults={})
    return run


def test_a_run_keeps_the_default_it_began_with() -> None:
    run = start(with_default(1))

    with_default(2)

    assert output_of(run) == 1


def test_children_keep_the_defaults_they_began_with() -> None:
    child = with_default(1)

    @workflow("tests.parent_by_default")
    def parent(run: Context) -> None:
        run.start_child(child)
        run.map(child, [{}, {"seconds": 7}])

    run = start(parent)
    drive(claim())
    with_default(2)
    drive_until_idle()

    assert sorted(each.output for each in list_runs(parent=run.id)) == [1, 1, 7]


def test_a_run_that_goes_on_as_new_keeps_the_defaults_of_that_moment() -> None:
    def looping(default: int) -> Workflow[..., Any]:
        def deployed(run: Context, again: bool = True, seconds: int = default) -> int:
            if again:
                run.continue_as_new(again=False)
            run.wait_event("go", timeout_seconds=0)
            return seconds

        return deploy(deployed)

    run = start(looping(1))
    looping(2)
    drive(claim())
    looping(3)
    drive_until_idle()

    successor = get_run(run.id).continued_as
    assert successor is not None
    assert get_run(successor).output == 2


def test_the_whole_input_is_shown_and_what_of_it_was_left_to_defaults() -> None:
    run = start(with_default(1), name="Ann")

    assert (run.input, run.defaults) == ({"name": "Ann", "seconds": 1}, {"seconds": 1})
    assert get_run(run.id) == run


@pytest.mark.parametrize("first", [{}, {"seconds": 1}, {"name": "x"}], ids=str)
@pytest.mark.parametrize("then", [{}, {"seconds": 1}, {"name": "x"}], ids=str)
@pytest.mark.parametrize("old", [False, True], ids=["new", "old"])
def test_a_default_given_or_left_out_is_the_same_input(
    first: dict[str, Any], then: dict[str, Any], old: bool
) -> None:
    code = with_default(1)
    run = start(code, key="k", **first)
    if old:
        as_the_release_before_wrote_it(run)

    assert start(code, key="k", **then).id == run.id


@pytest.mark.parametrize("old", [False, True], ids=["new", "old"])
def test_the_same_start_after_a_deploy_of_another_default_is_the_same_input(old: bool) -> None:
    run = start(with_default(1), key="k")
    if old:
        as_the_release_before_wrote_it(run)

    assert start(with_default(2), key="k").id == run.id


def test_what_a_run_began_with_is_its_input_after_a_deploy_of_another_default() -> None:
    run = start(with_default(1), key="k")

    assert start(with_default(2), key="k", seconds=1).id == run.id
    with pytest.raises(KeyConflict):
        start(with_default(2), key="k", seconds=2)


def test_a_value_given_once_is_no_default_another_time() -> None:
    start(with_default(1), key="k", seconds=7)

    with pytest.raises(KeyConflict):
        start(with_default(1), key="k")


def test_parameters_that_come_and_go_are_no_other_input() -> None:
    run = start(with_default(1), key="k")

    assert start(with_one_parameter_more(), key="k").id == run.id
    assert start(with_one_parameter_less(), key="k").id == run.id


def test_a_run_of_the_release_before_goes_on_with_the_default_of_the_code() -> None:
    run = as_the_release_before_wrote_it(start(with_default(1)))

    assert output_of(run) == 1


def test_a_parameter_added_since_has_its_default() -> None:
    run = start(with_default(1))

    with_one_parameter_more()

    assert output_of(run) == 5


def test_a_parameter_left_to_its_default_may_go() -> None:
    run = start(with_default(1), name="Ann")

    with_one_parameter_less()

    assert replay_open_runs() == []
    assert output_of(run) == "Ann"


def test_a_parameter_that_was_given_may_not_go() -> None:
    run = start(with_default(1), seconds=1)

    with_one_parameter_less()
    drive_until_idle()

    assert len(replay_open_runs()) == 1
    assert get_run(run.id).state == RunState.BLOCKED


def test_an_exported_history_knows_the_defaults() -> None:
    def choosing(default: str) -> Workflow[..., Any]:
        def deployed(run: Context, word: str = default) -> None:
            run.wait_event(word, timeout_seconds=0)

        return deploy(deployed)

    run = driven(choosing("go"))
    exported = export_history(run.id)
    choosing("come")

    assert exported["input"] == {}
    assert replay_history(exported) is None
    del exported["defaults"]  # as the release before exported it
    assert replay_history(exported) is not None


def test_a_mutable_default_is_fresh_at_every_replay() -> None:
    def collecting(run: Context, seen: list[str] = []) -> list[str]:  # noqa: B006
        seen.append("once")
        run.sleep(0)
        return seen

    code = deploy(collecting)

    assert output_of(start(code)) == ["once"]
    assert output_of(as_the_release_before_wrote_it(start(code))) == ["once"]


@pytest.mark.parametrize(
    ("annotation", "default", "stored"),
    [
        (int, 3, 3),
        (float, 60, 60.0),
        (str | None, None, None),
        (list[int], [1, 2], [1, 2]),
        (tuple[int, ...], (1, 2), [1, 2]),
        (Size, Size.SMALL, "small"),
        (Options, Options(tags=["a"]), {"size": "small", "tags": ["a"]}),
        (Limits, Limits(), {"seconds": 60.0, "names": []}),
        (dict[str, int], {"b": 1, "a": 2}, {"a": 2, "b": 1}),
    ],
    ids=repr,
)
def test_a_default_is_kept_as_its_annotation_says(
    annotation: Any, default: Any, stored: Any
) -> None:
    seen: list[Any] = []

    def deployed(run: Context, value: Any = default) -> None:
        seen.append(value)

    deployed.__annotations__["value"] = annotation
    run = start(deploy(deployed))
    drive_until_idle()

    assert run.input == {"value": stored}
    assert seen == [default]


@pytest.mark.parametrize(
    "default",
    [object(), (1, 2), Size.SMALL, float("nan"), {1: 2}, print],
    ids=["object", "tuple", "enum", "nan", "numbered", "function"],
)
def test_a_default_that_json_would_change_stays_with_the_code(default: Any) -> None:
    seen: list[Any] = []

    def deployed(run: Context, value=default) -> None:  # type: ignore[no-untyped-def]
        seen.append(value)

    run = start(deploy(deployed))
    drive_until_idle()

    assert run.input == {}
    assert seen[0] is default or (seen[0] == default and type(default) is dict)


def test_a_default_that_does_not_fit_its_annotation_stays_with_the_code() -> None:
    def deployed(run: Context, limit: int = None) -> str:  # type: ignore[assignment]  # noqa: RUF013
        return str(limit)

    assert output_of(start(deploy(deployed))) == "None"


def test_a_default_of_a_kind_that_cannot_be_described_stays_with_the_code() -> None:
    class Odd: ...

    def deployed(run: Context, limit: int = 3, odd: Odd | None = None) -> str:
        return f"{limit} {odd}"

    deployed.__annotations__["odd"] = Odd | None

    assert output_of(start(deploy(deployed))) == "3 None"


def test_parameters_collected_by_name_have_none_and_the_others_theirs() -> None:
    def deployed(run: Context, *, size: int = 2, **others: int) -> list[Any]:
        return [size, sorted(others.items())]

    code = deploy(deployed)

    assert start(code, key="k", a=1).input == {"a": 1, "size": 2}
    assert output_of(start(code, key="k", a=1, size=2)) == [2, [["a", 1]]]
    with pytest.raises(KeyConflict):
        start(code, key="k", a=1, b=1)


def test_a_parameter_by_place_only_has_its_default() -> None:
    def deployed(run: Context, size: int = 2, /) -> int:
        return size

    assert output_of(start(deploy(deployed))) == 2


class Seen:
    """A default that JSON does not know."""

    def __init__(self) -> None:
        self.count = 0


class Missing:
    """Of which there is one, to be looked for."""


MISSING = Missing()


def test_a_default_that_json_does_not_know_is_fresh_for_each_run_and_replay() -> None:
    def filling(run: Context, names=set(), seen=Seen()) -> list[int]:  # type: ignore[no-untyped-def]  # noqa: B006, B008
        names.add(len(names))
        seen.count += 1
        run.sleep(0)
        return [len(names), seen.count]

    deployed = deploy(filling)

    assert [driven(deployed).output for _ in range(2)] == [[1, 1], [1, 1]]


def test_a_default_that_is_looked_for_stays_the_one_it_is() -> None:
    def looking(run: Context, kind: Any = Seen, other: Any = MISSING) -> bool:
        return kind is Seen and other is MISSING

    assert driven(deploy(looking)).output is True


def test_a_parameter_that_is_new_since_has_a_fresh_default_at_each_replay() -> None:
    def before(run: Context) -> None:
        run.sleep(0)
        run.sleep(60)

    def now(run: Context, items=[]) -> list[int]:  # type: ignore[no-untyped-def]  # noqa: B006
        items.append(1)
        run.sleep(0)
        run.sleep(60)
        run.sleep(60)
        return list(items)

    run = driven(deploy(before))
    deploy(now)
    advance(seconds=200)

    assert get_run(run.id).output == [1]
