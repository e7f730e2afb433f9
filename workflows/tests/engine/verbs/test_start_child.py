"""Children started with their options in `using`, and given to map: once each, in order."""

import pytest

from workflows.api import (
    Context,
    RunState,
    cancel,
    get_run,
    list_runs,
    start,
    workflow,
)
from workflows.testing import crash_everywhere, drive_until_idle
from workflows.tests.builders import driven
from workflows.tests.engine.forms import doubled, keywords

pytestmark = pytest.mark.django_db


@workflow("child.letting_go")
def letting_go(run: Context) -> str:
    child = run.start_child.using(detached=True)(doubled, 1, seconds=60)
    return str(child.id)


def test_a_child_started_detached_lives_on() -> None:
    run = driven(letting_go)

    [child] = list_runs(workflow=doubled)
    assert get_run(run.id).output == str(child.id)
    assert child.state == RunState.WAITING


@workflow("child.keeping")
def keeping(run: Context) -> int:
    return run.start_child.using(detached=False)(doubled, 1, seconds=60).result()


def test_a_child_started_attached_is_cancelled_with_its_parent() -> None:
    run = driven(keeping)

    cancel(run.id)
    drive_until_idle()

    [child] = list_runs(workflow=doubled)
    assert child.state == RunState.CANCELLED


@workflow("child.mapping")
def mapping(run: Context, numbers: list[int]) -> list[int]:
    some = run.map([run.child(doubled, number) for number in numbers], limit=2)
    return some + run.map([run.child(keywords, number=7), run.child("forms.doubled", number=8)])


def test_map_starts_the_children_it_is_given_in_order() -> None:
    run = driven(mapping, numbers=[1, 2, 3])

    assert run.output == [2, 4, 6, 7, 16]


@workflow("child.spreading")
def spreading(run: Context) -> list[int]:
    return run.map([run.child(keywords, number=1)])


def test_killed_anywhere_map_starts_each_given_child_once() -> None:
    def play() -> None:
        start(spreading)
        drive_until_idle()

    crash_everywhere(play)


@workflow("child.mapping_wrongly")
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
