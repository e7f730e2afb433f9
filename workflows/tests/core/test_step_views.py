"""The state of a step, told from the lines of history about it and the state of the run."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from workflows.core.history import UNDO, HistoryEntry, HistoryKind
from workflows.core.running_steps import RunningStep
from workflows.core.states import FINAL_STATES, RunState
from workflows.core.step_views import PlannedStep, StepState, StepView, tell_steps

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LATER = (NOON + timedelta(hours=1)).isoformat()
ERROR = {"type": "OSError", "message": "no box"}
STUCK = {"type": "OSError", "message": "stuck"}
PACK = PlannedStep(name="pack", undoable=True)
WEIGH = PlannedStep(name="weigh", undoable=False)
Line = tuple[HistoryKind, int, dict[str, Any]]
_ = HistoryKind
PLAIN: Line = (_.STEP_STARTED, 1, {})
TRIED = (_.ATTEMPT_FAILED, 1, {"error": ERROR, "retry_at": LATER})
DONE = (_.STEP_COMPLETED, 0, {"output": "TEA"})
FAILED = (_.STEP_FAILED, 0, {"error": STUCK})
UNDO_TRIED = (_.COMPENSATION_ATTEMPT_FAILED, UNDO + 1, {"error": STUCK, "retry_at": LATER})
UNDONE = (_.COMPENSATION_COMPLETED, UNDO, {"output": None})


def history(*lines: Line, position: int = 1, name: str = "pack") -> list[HistoryEntry]:
    """Return lines about one step, a minute apart; those of its undoing have the undo's name."""
    return [
        HistoryEntry(
            id=number,
            position=position,
            part=part,
            kind=kind,
            name="unpack" if part >= UNDO else name,
            data=data,
            at=NOON + timedelta(minutes=number),
        )
        for number, (kind, part, data) in enumerate(lines, 1)
    ]


def told(*lines: Line, run: RunState, planned: Sequence[PlannedStep] = (WEIGH,)) -> StepView:
    return tell_steps(history(*lines), run, planned)[0]


ONE_OF_EACH: list[tuple[list[Line], set[RunState], StepState]] = [
    ([TRIED], {RunState.RUNNING, RunState.CANCELLING}, StepState.RUNNING),
    ([TRIED], {RunState.PENDING, RunState.WAITING, RunState.BLOCKED}, StepState.WAITING),
    ([TRIED], {*FINAL_STATES, RunState.COMPENSATING}, StepState.FAILED),
    ([PLAIN], {RunState.RUNNING, RunState.CANCELLING}, StepState.RUNNING),
    ([PLAIN], {*FINAL_STATES, RunState.COMPENSATING}, StepState.FAILED),
    ([FAILED], set(RunState), StepState.FAILED),
    ([DONE], set(RunState), StepState.COMPLETED),
    ([DONE, UNDO_TRIED], {RunState.COMPENSATING}, StepState.COMPENSATING),
    ([DONE, UNDO_TRIED], set(FINAL_STATES), StepState.COMPLETED),
    ([DONE, UNDO_TRIED, UNDONE], set(RunState), StepState.COMPENSATED),
]


@pytest.mark.parametrize(
    ("lines", "run", "expected"),
    [(lines, run, expected) for lines, runs, expected in ONE_OF_EACH for run in sorted(runs)],
)
def test_the_lines_about_a_step_and_the_state_of_its_run_tell_where_it_is(
    lines: list[Line], run: RunState, expected: StepState
) -> None:
    assert told(*lines, run=run).state == expected


@pytest.mark.parametrize("run", sorted(RunState))
def test_what_has_not_begun_is_skipped_once_nothing_more_begins(run: RunState) -> None:
    group = HistoryEntry(
        id=1,
        position=1,
        part=0,
        kind=_.GROUP_STARTED,
        name="",
        data={"names": ["pack", "weigh"]},
        at=NOON,
    )
    past = run in FINAL_STATES or run == RunState.COMPENSATING
    left = StepState.SKIPPED if past else StepState.PENDING

    steps = tell_steps([group], run, [PACK, WEIGH, WEIGH])

    assert [(each.position, each.name) for each in steps] == [
        (2, "pack"),
        (3, "weigh"),
        (None, "weigh"),
    ]
    assert {each.state for each in steps} == {left}


def test_a_completed_step_tells_its_result_and_no_error() -> None:
    step = told(TRIED, TRIED, DONE, run=RunState.RUNNING)

    assert (step.name, step.attempts, step.output) == ("pack", 3, "TEA")
    assert (step.error, step.compensation_error, step.retry_at) == (None, None, None)
    assert step.ended_at == NOON + timedelta(minutes=3)


def test_a_failed_step_tells_its_last_error() -> None:
    step = told(TRIED, FAILED, run=RunState.RUNNING)

    assert (step.attempts, step.output, step.error) == (2, None, STUCK)
    assert (step.retry_at, step.ended_at) == (None, NOON + timedelta(minutes=2))


def test_a_step_between_attempts_tells_the_newest_and_when_the_next_may_begin() -> None:
    newest = (_.ATTEMPT_FAILED, 2, {"error": STUCK, "retry_at": LATER})

    step = told(TRIED, newest, run=RunState.WAITING)

    assert (step.attempts, step.error) == (2, STUCK)
    assert (step.retry_at, step.ended_at) == (datetime.fromisoformat(LATER), None)
    assert told(TRIED, run=RunState.RUNNING).retry_at is None


def test_a_step_that_is_being_undone_tells_what_went_wrong_and_when_it_is_tried_again() -> None:
    tried = told(TRIED, DONE, UNDO_TRIED, run=RunState.COMPENSATING)
    last = told(DONE, (*UNDO_TRIED[:2], {"error": STUCK}), run=RunState.COMPENSATING)

    assert (tried.compensation_error, tried.error, tried.output) == (STUCK, None, "TEA")
    assert tried.retry_at == datetime.fromisoformat(LATER)
    assert last.retry_at is None


def test_an_undone_step_tells_when_and_no_error_of_its_undoing() -> None:
    step = told(DONE, UNDO_TRIED, UNDONE, run=RunState.COMPENSATED)

    assert (step.name, step.compensation_error) == ("pack", None)
    assert step.ended_at == NOON + timedelta(minutes=3)


def test_the_last_completed_of_those_that_can_be_undone_is_undone_next() -> None:
    """Branches of a group complete in any order, and what was completed last goes first."""
    late, early = history(TRIED, DONE, position=1), history(DONE, position=2)
    other = history(TRIED, TRIED, DONE, position=3, name="weigh")

    steps = tell_steps([*early, *late, *other], RunState.COMPENSATING, [PACK, WEIGH])
    going = tell_steps([*early, *late, *other], RunState.CANCELLING, [PACK, WEIGH])

    assert [each.position for each in steps] == [1, 2, 3]
    assert [each.state.value for each in steps] == ["compensating", "completed", "completed"]
    assert {each.state for each in going} == {StepState.COMPLETED}


def test_what_is_undone_already_is_not_undone_next() -> None:
    undone, left = history(TRIED, DONE, UNDONE, position=1), history(DONE, position=2)

    steps = tell_steps([*undone, *left], RunState.COMPENSATING, [PACK])

    assert [each.state.value for each in steps] == ["compensated", "compensating"]


def test_a_failed_step_is_never_undone_next() -> None:
    done, failed = history(DONE, position=1), history(TRIED, FAILED, position=2)

    steps = tell_steps([*done, *failed], RunState.COMPENSATING, [PACK])

    assert [each.state.value for each in steps] == ["compensating", "failed"]


def test_a_step_named_in_two_places_is_left_once_where_the_run_came_to_it_once() -> None:
    steps = tell_steps(history(DONE), RunState.RUNNING, [PACK, PACK, WEIGH])

    assert [(each.name, each.position) for each in steps] == [
        ("pack", 1),
        ("pack", None),
        ("weigh", None),
    ]


def test_lines_about_other_things_are_no_steps() -> None:
    nowhere = HistoryEntry(id=1, position=None, part=0, kind=_.RECOVERED, name="", data={}, at=NOON)
    [status] = history((_.STATUS_SET, 0, {}), position=4, name="On its way")

    assert tell_steps([nowhere, status], RunState.RUNNING, []) == []


def seen(**given: Any) -> RunningStep:
    told: dict[str, Any] = {"name": "pack", "position": 1, "attempt": 1, "undo": False}
    return RunningStep(
        **told | {"since": NOON, "host": "here", "pid": 7, "overran": None} | given
    )  # fmt: skip


def lost(kind: HistoryKind = _.RECOVERED, **given: Any) -> HistoryEntry:
    """Return the line of a worker that was lost in the step."""
    step = vars_of(seen(**given))
    return HistoryEntry(
        id=99, position=None, part=0, kind=kind, name="", data={"steps": [step]}, at=NOON
    )


def vars_of(step: RunningStep) -> dict[str, Any]:
    return asdict(step) | {"since": step.since.isoformat()}


def where(step: StepView) -> tuple[datetime | None, str, int | None]:
    return step.running_since, step.host, step.pid


HERE = (NOON, "here", 7)
NOWHERE = (None, "", None)


def test_a_step_that_was_seen_to_run_runs() -> None:
    [step, planned] = tell_steps([], RunState.RUNNING, (WEIGH, PACK), [seen()])

    assert (step.name, step.state, where(step)) == ("pack", StepState.RUNNING, HERE)
    assert (planned.name, planned.state) == ("weigh", StepState.PENDING)


@pytest.mark.parametrize(
    ("lines", "run"),
    [
        ([DONE], RunState.RUNNING),
        ([TRIED], RunState.RUNNING),
        ([FAILED], RunState.RUNNING),
        ([], RunState.PENDING),
        ([], RunState.COMPLETED),
    ],
    ids=["done", "failed and tried again", "failed", "recovered", "over"],
)
def test_what_was_seen_before_the_last_record_is_not_believed(
    lines: list[Line], run: RunState
) -> None:
    for step in tell_steps(history(*lines), run, (PACK,), [seen()]):
        assert where(step) == NOWHERE


def test_the_next_attempt_is_seen_behind_the_failed_one() -> None:
    [step] = tell_steps(history(TRIED), RunState.RUNNING, (), [seen(attempt=2)])

    assert (step.state, step.attempts, where(step)) == (StepState.RUNNING, 1, HERE)


@pytest.mark.parametrize("kind", [_.RECOVERED, _.BLOCKED])
@pytest.mark.parametrize(
    ("run", "state"),
    [
        (RunState.PENDING, StepState.WAITING),
        (RunState.BLOCKED, StepState.WAITING),
        (RunState.CANCELLED, StepState.FAILED),
    ],
)
def test_a_step_that_was_lost_with_its_worker_is_named(
    kind: HistoryKind, run: RunState, state: StepState
) -> None:
    [step] = tell_steps([lost(), lost(kind)], run, (PACK,))

    assert (step.name, step.state, step.attempts, step.lost) == ("pack", state, 0, 2)
    assert where(step) == HERE


def test_a_step_that_another_worker_makes_again_is_not_told_to_run_where_it_was_lost() -> None:
    [unseen] = tell_steps([lost()], RunState.RUNNING, (PACK,))
    [step] = tell_steps([lost()], RunState.RUNNING, (PACK,), [seen(host="there", pid=8)])

    assert (unseen.state, unseen.lost, where(unseen)) == (StepState.RUNNING, 1, NOWHERE)
    assert (step.state, step.lost, where(step)) == (StepState.RUNNING, 1, (NOON, "there", 8))


def test_a_lost_attempt_that_was_made_again_is_counted_and_no_longer_shown() -> None:
    [step] = tell_steps([lost(), *history(DONE)], RunState.COMPLETED, (PACK,))

    assert (step.state, step.lost, where(step)) == (StepState.COMPLETED, 1, NOWHERE)


def test_an_attempt_that_is_recorded_as_failed_is_not_lost() -> None:
    [step] = tell_steps([lost(overran="timeout"), *history(TRIED)], RunState.WAITING, ())

    assert (step.state, step.attempts, step.lost) == (StepState.WAITING, 1, 0)
    assert where(step) == NOWHERE


def test_a_compensation_that_was_seen_to_run_is_under_way() -> None:
    running = seen(name="unpack", undo=True)
    lines = history(DONE)

    [step] = tell_steps(lines, RunState.COMPENSATING, (), [running])
    [past] = tell_steps([*lines, lost(name="unpack", undo=True)], RunState.COMPENSATING, ())

    for each in (step, past):
        assert (each.name, each.state, where(each)) == ("pack", StepState.COMPENSATING, HERE)
        assert each.lost == 0
    [failed] = tell_steps(history(DONE, UNDO_TRIED), RunState.COMPENSATING, (), [running])
    assert where(failed) == NOWHERE


def test_a_step_lasts_from_its_first_attempt_to_its_result_pauses_included() -> None:
    tried = (_.ATTEMPT_FAILED, 1, {"error": ERROR, "retry_at": LATER, "seconds": 30.0})
    done = (_.STEP_COMPLETED, 0, {"output": "TEA", "seconds": 5.0})

    under_way = told(tried, run=RunState.WAITING)
    ended = told(tried, done, UNDONE, run=RunState.COMPENSATED)

    began = NOON + timedelta(seconds=30)
    assert (under_way.started_at, under_way.duration) == (began, None)
    assert (ended.started_at, ended.duration) == (began, timedelta(seconds=90))
    assert ended.ended_at == NOON + timedelta(minutes=3)


@pytest.mark.parametrize("first", [DONE, TRIED])
def test_of_a_step_that_an_older_release_began_nothing_is_said_of_its_length(first: Line) -> None:
    done = (_.STEP_COMPLETED, 0, {"output": "TEA", "seconds": 5.0})

    view = told(*([first] if first == DONE else [first, done]), run=RunState.COMPLETED)

    assert (view.started_at, view.duration) == (None, None)


def test_the_one_attempt_of_a_plain_action_began_with_its_line() -> None:
    view = told(PLAIN, DONE, run=RunState.COMPLETED)

    assert view.started_at == NOON + timedelta(minutes=1)
    assert view.duration == timedelta(minutes=1)
