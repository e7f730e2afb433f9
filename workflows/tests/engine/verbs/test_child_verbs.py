"""map: a child for each input, spread over whoever drives, results in order."""

import pytest

from workflows.api import (
    ChildFailed,
    Context,
    RunState,
    cancel,
    get_run,
    list_runs,
    start,
    workflow,
)
from workflows.engine.drive.drive import drive
from workflows.models import Run
from workflows.store.queue import claim_run
from workflows.testing import crash_everywhere, drive_until_idle
from workflows.tests.builders import claim, driven
from workflows.tests.engine.families import doubling
from workflows.tests.flows import notes

pytestmark = pytest.mark.django_db


@workflow("tests.mapping")
def mapping(run: Context, numbers: list[int], limit: int | None = None) -> list[int]:
    return run.map(doubling, [{"number": number} for number in numbers], limit=limit)


@workflow("tests.mapping_caught")
def mapping_caught(run: Context, numbers: list[int]) -> str:
    try:
        run.map(doubling, [{"number": number} for number in numbers])
    except ChildFailed as failed:
        return failed.state
    return "all went well"


@workflow("tests.mapping_on")
def mapping_on(run: Context, numbers: list[int], limit: int | None = None) -> list[str]:
    children = [run.child(doubling, number=number) for number in numbers]
    ends = run.map(children, limit=limit, on_error="continue")
    return [each.state if isinstance(each, ChildFailed) else str(each) for each in ends]


@workflow("tests.mapping_wrongly")
def mapping_wrongly(run: Context) -> None:
    run.map([run.child(doubling, number=1)], on_error="compensate")  # type: ignore[call-overload]


def test_results_stand_in_the_order_of_the_inputs() -> None:
    numbers = list(range(12))

    run = driven(mapping, numbers=numbers)

    assert run.output == [number * 2 for number in numbers]
    assert len(list_runs(parent=run.id)) == 12


def test_a_map_of_nothing_returns_nothing() -> None:
    assert driven(mapping, numbers=[]).output == []


def test_the_oldest_is_waited_for_first_where_a_limit_holds_others_back() -> None:
    """Whoever waits for the newest would start nothing while the others have long ended."""
    run = start(mapping, numbers=[1, 2, 3], limit=2)
    drive(claim())

    [waits_for] = Run.objects.get(pk=run.id).waiting_for

    assert waits_for == f"child:{list_runs(parent=run.id)[-1].id}"


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_that_makes_no_sense_blocks_the_run_with_the_reason(limit: int) -> None:
    run = driven(mapping, numbers=[], limit=limit)

    assert run.state == RunState.BLOCKED
    assert run.error is not None
    assert f"a limit of {limit}" in run.error["message"]


def test_children_are_runs_of_their_own_for_whoever_is_free() -> None:
    start(mapping, numbers=[1, 2, 3])
    drive(claim())

    claimed = [claim().workflow for _ in range(3)]

    assert claimed == ["tests.doubling"] * 3


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_no_more_than_the_limit_are_under_way_at_once(limit: int) -> None:
    run, most = start(mapping, numbers=[1, 2, 3, 4, 5, 6], limit=limit), 0

    while not get_run(run.id).is_over:
        drive(claim())
        going = Run.objects.filter(workflow="tests.doubling").exclude(state=RunState.COMPLETED)
        most = max(most, going.count())

    assert get_run(run.id).output == [2, 4, 6, 8, 10, 12]
    assert most == limit


def test_a_child_that_fails_is_raised_and_the_others_end_first() -> None:
    run = driven(mapping_caught, numbers=[1, 13, 3])

    assert run.output == "failed"
    assert notes.count("double 3") == 1


def test_a_failure_nobody_catches_fails_the_parent() -> None:
    run = driven(mapping, numbers=[13, 1])

    assert run.state == RunState.FAILED
    assert run.error is not None
    assert "unlucky" in run.error["message"]


@pytest.mark.parametrize("limit", [None, 1, 2])
def test_a_failed_child_stands_in_the_place_of_its_result_where_the_others_count(
    limit: int | None,
) -> None:
    run = driven(mapping_on, numbers=[13, 2, 13, 4, 13], limit=limit)

    assert run.output == ["failed", "4", "failed", "8", "failed"]
    assert len(list_runs(parent=run.id)) == 5


def test_a_cancelled_child_stands_in_its_place_too() -> None:
    run = start(mapping_on, numbers=[1, 2])
    drive(claim())
    cancel(list_runs(parent=run.id)[-1].id)

    drive_until_idle()

    assert get_run(run.id).output == ["cancelled", "4"]


def test_another_word_for_on_error_blocks_the_run_before_a_child_is_started() -> None:
    run = driven(mapping_wrongly)

    assert run.state == RunState.BLOCKED
    assert run.error is not None
    assert 'give "stop" or "continue"' in run.error["message"]
    assert list_runs(parent=run.id) == []


@pytest.mark.parametrize("limit", [None, 1])
def test_killed_anywhere_failed_children_stand_in_their_places(limit: int | None) -> None:
    crash_everywhere(lambda: start(mapping_on, numbers=[13, 2], limit=limit))


@pytest.mark.parametrize("limit", [None, 1])
def test_killed_anywhere_a_map_starts_each_child_once(limit: int | None) -> None:
    def play() -> None:
        start(mapping, numbers=[1, 2], limit=limit)

    crash_everywhere(play, observe=lambda: Run.objects.filter(workflow="tests.doubling").count())


def test_many_children_end_in_the_order_they_please() -> None:
    run = start(mapping, numbers=list(range(100, 160)))
    drive(claim())

    for _ in range(30):  # the youngest half first
        youngest = Run.objects.filter(workflow="tests.doubling", state="pending").latest(
            "created_at"
        )
        claimed = claim_run(worker_id=None, lease_seconds=60, only=youngest.pk)
        assert claimed is not None
        drive(claimed)
    drive_until_idle()

    assert get_run(run.id).output == [number * 2 for number in range(100, 160)]


@workflow("tests.children")
def counting_children(run: Context) -> list[bool]:
    run.start_child.using(detached=True)(doubling, number=0)
    run.map(doubling, [{"number": 1}, {"number": 2}])
    last = run.start_child(doubling, number=3)
    known = run.children()
    return [each.has_ended for each in known] + [known[-1] is last]


def test_the_code_is_told_its_children_the_same_at_every_replay() -> None:
    def play() -> None:
        run = start(counting_children)
        drive_until_idle()
        assert get_run(run.id).output == [True, True, False, True]

    crash_everywhere(play)
