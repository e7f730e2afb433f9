"""What a workflow keeps on its run: stored with each record, readable and searchable outside."""

from typing import Any

import pytest

from workflows.api import (
    Context,
    RunState,
    ValueNotStorable,
    get_run,
    list_runs,
    start,
    step,
    workflow,
)
from workflows.engine.drive.drive import drive
from workflows.testing import crash_everywhere, drive_until_idle, send
from workflows.tests.builders import claim, counted_statements, driven, give_to_another, kinds
from workflows.tests.flows import ONCE, greet

pytestmark = pytest.mark.django_db
WRONG: dict[str, Any] = {
    "object": object(),
    "nan": float("nan"),
    "nul": "a\x00b",
    "large": "x" * 300_000,
}
SEEN: list[Any] = []


@step(retry=ONCE)
def look(run_id: Any) -> None:
    SEEN.append(get_run(run_id).data)


@workflow("tests.keeping")
def keeping(run: Context, order: int) -> str:
    run.attributes["order"] = order
    run.data["stage"] = "begun"
    run.step(look, run.run_id)
    run.data["stage"] = "greeted"
    run.step(greet, "Ann")
    run.data["waits"] = True
    run.wait_event("go")
    del run.data["waits"]
    run.set_status("nearly")
    run.data["stage"] = "done"
    return "done"


@workflow("tests.keeping_wrong")
def keeping_wrong(run: Context, what: str, at_the_end: bool = False) -> str:
    run.data["value"] = WRONG[what]
    if at_the_end:
        return "never"
    try:
        run.step(greet, "Ann")
    except ValueNotStorable as refused:
        run.data["value"] = "mended"
        run.step(greet, "Bob")
        return str(refused)
    return "never"


@workflow("tests.keeping_and_failing", on_failure="compensate")
def keeping_and_failing(run: Context) -> None:
    run.step(greet, "Ann")
    run.data["stage"] = "before the mistake"
    raise ValueError("a mistake")


@workflow("tests.progressing")
def progressing(run: Context, done: Any) -> None:
    run.progress(done, 4, "half of it")
    run.wait_event("go")
    run.progress(4, 4)


@workflow("tests.noting")
def noting(run: Context, note: str, data: str = "") -> None:
    if data:
        run.data["value"] = WRONG[data]
    run.progress(1, 2, "a\x00" + "x" * 1000 if note == "odd" else note)
    SEEN.append("went on")


@workflow("tests.labelling")
def labelling(run: Context) -> None:
    run.data["stage"] = "labelled"
    run.set_status("On its way")
    run.step(greet, "Ann")
    run.wait_event("go")


def test_data_is_stored_with_each_record() -> None:
    SEEN.clear()
    run = driven(keeping, order=7)

    waiting = run.data
    send(run.id, "go")

    assert SEEN == [{}]  # a step sees what was stored before it
    assert waiting == {"stage": "greeted", "waits": True}
    assert get_run(run.id).data == {"stage": "done"}


def test_runs_are_found_by_their_attributes() -> None:
    wanted = driven(keeping, order=7)
    driven(keeping, order=8)

    assert [run.id for run in list_runs(attributes={"order": 7})] == [wanted.id]
    assert list_runs(attributes={"order": 9}) == []


def test_data_costs_no_statement_of_its_own() -> None:
    start(keeping, order=7)

    with counted_statements() as sent:
        drive_until_idle()

    keeping_it = [sql for sql in sent if "data = coalesce" in sql]
    assert len(keeping_it) == 3  # with the record of each step, and with the park
    assert all("INSERT INTO workflows_history" in sql for sql in keeping_it)


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_be_stored_is_told_at_the_next_operation_and_can_be_mended(what: str) -> None:
    run = driven(keeping_wrong, what=what)

    assert run.state == RunState.COMPLETED
    assert "run.data" in run.output
    assert run.data == {"value": "mended"}


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_be_stored_at_the_end_fails_the_run(what: str) -> None:
    run = driven(keeping_wrong, what=what, at_the_end=True)

    assert run.state == RunState.FAILED
    assert run.error is not None
    assert "run.data" in run.error["message"]


def test_a_failed_run_keeps_its_last_data() -> None:
    assert driven(keeping_and_failing).data == {"stage": "before the mistake"}


def test_progress_shows_at_once() -> None:
    run = driven(progressing, done=2)

    waiting = run.progress
    send(run.id, "go")

    assert waiting == {"done": 2, "total": 4, "note": "half of it"}
    assert get_run(run.id).progress == {"done": 4, "total": 4, "note": ""}


def test_a_replay_does_not_show_progress_again() -> None:
    with counted_statements() as sent:
        run = driven(progressing, done=2)
        send(run.id, "go")

    assert len([sql for sql in sent if "SET progress" in sql]) == 2


def test_a_drive_that_has_lost_its_run_shows_no_progress_and_stops_there() -> None:
    SEEN.clear()
    start(noting, note="late")
    zombie = claim()
    give_to_another(zombie)

    drive(zombie)

    assert get_run(zombie.id).progress is None
    assert (SEEN, kinds(zombie.id)) == ([], [])


def test_a_long_or_odd_note_is_shown_as_far_as_it_can_be() -> None:
    run = driven(noting, note="odd")

    assert run.state == RunState.COMPLETED
    assert run.progress is not None
    assert len(run.progress["note"]) <= 500


def test_progress_tells_of_data_that_cannot_be_stored() -> None:
    run = driven(noting, note="n", data="nan")

    assert run.state == RunState.FAILED
    assert run.progress is None


def test_a_label_is_stored_together_with_the_data_and_only_once() -> None:
    start(labelling)
    run = claim()
    with counted_statements() as sent:
        drive(run)

    storing = [sql for sql in sent if "UPDATE workflows_run SET data = coalesce" in sql]
    assert storing == []  # the step after the label had nothing left to store
    assert get_run(run.id).data == {"stage": "labelled"}


@pytest.mark.parametrize("done", ["NaN", None, [1], {"a": 1}])
def test_progress_takes_anything_but_what_json_lacks(done: Any) -> None:
    assert driven(progressing, done=done).state == RunState.WAITING


def test_killed_anywhere_data_ends_the_same() -> None:
    def play() -> None:
        SEEN.clear()
        run = start(keeping, order=7)
        drive_until_idle()
        send(run.id, "go")

    crash_everywhere(play, at_least_once=lambda: SEEN)


def test_killed_anywhere_progress_ends_the_same() -> None:
    def play() -> None:
        send(start(progressing, done=2), "go")

    def shown() -> list[Any]:
        return [run.progress for run in list_runs(workflow="tests.progressing")]

    crash_everywhere(play, observe=shown)
