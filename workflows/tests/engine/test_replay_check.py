"""The deploy guard: does the code at hand still tell the story of every open run?"""

import json
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from workflows.api import (
    Context,
    Permanent,
    RunState,
    StepFailed,
    cancel,
    export_history,
    get_history,
    get_run,
    list_runs,
    replay_history,
    replay_open_runs,
    retry_now,
    start,
    step,
    workflow,
)
from workflows.testing import drive_until_idle
from workflows.tests.builders import counted_statements, driven
from workflows.tests.engine.families import (
    grandparent,
    parent_that_fails,
    waiting_child,
)
from workflows.tests.engine.trips import trip
from workflows.tests.flows import ONCE, greet, notes

pytestmark = pytest.mark.django_db
deployed = {"name": "Ann", "what": "step"}


@pytest.fixture(autouse=True)
def old_code() -> Iterator[None]:
    deployed.update(what="step")
    yield
    deployed.update(what="step")


def undo_refuse(output: str) -> None:
    notes.note("undone")
    raise Permanent("cannot be undone")


@step(compensate=undo_refuse)
def prepare() -> str:
    return "prepared"


@step(retry=ONCE)
def refuse() -> None:
    raise Permanent("no")


@workflow("tests.replayed")
def replayed(run: Context) -> None:
    match deployed["what"]:
        case "step":
            run.step(greet, "Ann")
        case "other step":
            run.step(prepare)
        case "mistake":
            raise ValueError("a mistake")
        case "no step":
            pass
    run.log.warning("said by the code")
    run.data["kept"] = True
    run.progress(1)
    if deployed["what"] == "nonsense":
        run.sleep(float("nan"))
    run.wait_event("go")
    run.step(greet, "Bob")


@workflow("tests.replayed_at_its_time")
def replayed_at_its_time(run: Context, minutes: int) -> None:
    begun = run.now()
    run.step(greet, "Ann")
    run.wait_event(f"go {begun + timedelta(minutes=minutes)} {run.now()}")


@workflow("tests.replayed_parent")
def replayed_parent(run: Context) -> None:
    child = run.start_child(waiting_child)
    match deployed["what"]:
        case "mistake":
            raise ValueError("a mistake")
        case "nonsense":
            run.sleep(float("nan"))
    run.progress(1)
    child.result()


@workflow("tests.replayed_exit")
def replayed_exit(run: Context) -> None:
    run.wait_event("go", timeout_seconds=0)
    if deployed["what"] == "exit":
        sys.exit(0)
    run.wait_event("never")


def test_code_that_ends_the_process_does_not_pass_the_check() -> None:
    driven(replayed_exit)
    assert replay_open_runs() == []

    deployed["what"] = "exit"

    assert ["SystemExit" in each.why for each in replay_open_runs()] == [True]


@workflow("tests.replayed_group")
def replayed_group(run: Context) -> None:
    try:
        run.gather(run.call(prepare), run.call(refuse), limit=1, on_error="compensate")
    except StepFailed:
        run.wait_event("go")


def test_open_runs_that_fit_are_passed_over() -> None:
    for function in (replayed, grandparent, trip, replayed_group):
        start(function)
    start(parent_that_fails, detached=False)
    drive_until_idle()
    start(replayed)

    assert replay_open_runs() == []


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ("other step", "position 1 is step 'prepare' in the code but step 'greet' in history"),
        ("no step", "position 1 is wait 'go' in the code but step 'greet' in history"),
        ("mistake", "ValueError('a mistake')"),
        ("nonsense", "nan is not a number of seconds"),
    ],
)
def test_a_run_that_does_not_fit_is_named_with_its_workflow_step_and_difference(
    what: str, told: str
) -> None:
    run = driven(replayed)
    deployed["what"] = what

    [difference] = replay_open_runs()

    assert (difference.run_id, difference.workflow) == (run.id, "tests.replayed")
    assert told in str(difference)


def test_a_replay_does_and_writes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    run = driven(replayed)
    driven(replayed_group)
    before, history = list(notes.done), get_history(run.id)
    caplog.clear()

    with counted_statements() as sent:
        replay_open_runs()

    assert notes.done == before
    assert get_history(run.id) == history
    assert [sql for sql in sent if "INSERT" in sql or "UPDATE" in sql] == []
    assert caplog.messages == []


def test_a_compensation_that_was_interrupted_is_not_run_by_a_replay() -> None:
    run = driven(replayed_group)
    exported = export_history(run.id)
    undo = [line for line in exported["history"] if line["kind"].startswith("compensation")]
    exported["history"] = [line for line in exported["history"] if line not in undo][:4]
    before = notes.count("undone")

    assert replay_history(exported) is None

    assert notes.count("undone") == before


def test_a_parent_that_waits_for_its_children_after_a_failure_fits() -> None:
    run = driven(parent_that_fails)
    exported = export_history(run.id)
    exported["history"] = exported["history"][:2]

    assert replay_history(exported) is None


def test_a_replay_to_a_mistake_at_the_end_of_history_ends_no_child() -> None:
    run = driven(replayed_parent)
    exported = export_history(run.id)
    exported["history"] = exported["history"][:1]
    deployed["what"] = "mistake"

    replay_history(exported)

    assert [child.state for child in list_runs(parent=run.id)] == [RunState.WAITING]


def test_what_makes_no_sense_after_the_end_of_history_is_a_difference() -> None:
    exported = export_history(driven(replayed_parent).id)
    exported["history"] = exported["history"][:1]
    deployed["what"] = "nonsense"

    assert "nan is not a number of seconds" in str(replay_history(exported))


def test_a_replay_to_the_end_of_history_shows_no_progress() -> None:
    exported = export_history(driven(replayed_parent).id)
    exported["history"] = exported["history"][:1]

    with counted_statements() as sent:
        replay_history(exported)

    assert sent == []


@pytest.mark.parametrize(
    ("what", "state"), [("mistake", RunState.WAITING), ("nonsense", RunState.BLOCKED)]
)
def test_changed_code_that_fails_in_the_middle_of_a_replay_ends_no_child(
    what: str, state: RunState
) -> None:
    run = driven(replayed_parent)
    deployed["what"] = what

    retry_now(run.id)
    drive_until_idle()

    assert get_run(run.id).state == state
    assert [child.state for child in list_runs(parent=run.id)] == [RunState.WAITING]


def test_ended_runs_are_not_asked() -> None:
    run = driven(replayed)
    cancel(run.id)
    deployed["what"] = "mistake"

    assert replay_open_runs() == []


def test_a_history_is_exported_and_replayed_forever(tmp_path: Path) -> None:
    run = driven(replayed)
    file = tmp_path / "history.json"
    file.write_text(json.dumps(export_history(run.id)))
    cancel(run.id)

    fits = replay_history(json.loads(file.read_text()))
    deployed["what"] = "no step"
    difference = replay_history(json.loads(file.read_text()))

    assert fits is None
    assert "step 'greet'" in str(difference)


def test_a_replay_is_told_the_times_of_the_run() -> None:
    run = driven(replayed_at_its_time, minutes=5)

    exported = json.loads(json.dumps(export_history(run.id)))

    assert replay_open_runs() == []
    assert replay_history(exported) is None


def test_an_input_that_no_longer_fits_is_a_difference() -> None:
    exported = export_history(driven(replayed_at_its_time, minutes=5).id)

    unfit = replay_history({**exported, "input": {"minutes": "five"}})
    missing = replay_history({**exported, "input": {}})

    fresh = replay_history({**exported, "input": {}, "history": []})

    for difference in (unfit, missing, fresh):
        assert "its input no longer fits" in str(difference)


def test_a_run_without_code_is_a_difference() -> None:
    exported = export_history(driven(replayed).id)
    exported["version"] = 99

    assert "no code" in str(replay_history(exported))
