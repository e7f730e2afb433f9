"""patched: a run that has passed a changed place keeps to the old code, others take the new."""

from collections.abc import Iterator

import pytest

from workflows.api import (
    Context,
    DefinitionError,
    RunState,
    get_run,
    replay_open_runs,
    start,
    workflow,
)
from workflows.testing import crash_everywhere, drive_until_idle, send
from workflows.tests.builders import driven, kinds
from workflows.tests.flows import greet, notes

pytestmark = pytest.mark.django_db
deployed = {"stage": "before"}
"""Which code is deployed: before the change, with it, or after the call was removed."""


@pytest.fixture(autouse=True)
def before_the_change() -> Iterator[None]:
    deployed["stage"] = "before"
    yield
    deployed["stage"] = "before"


@workflow("tests.patching")
def changing(run: Context) -> str:
    run.wait_event("first")
    if (deployed["stage"] == "with" and run.patched("greet-bob")) or deployed["stage"] == "removed":
        run.step(greet, "Bob")
    else:
        run.step(greet, "Ann")
    run.wait_event("second")
    return "done"


@workflow("tests.patching_in_a_loop")
def changing_in_a_loop(run: Context, rounds: int = 3) -> list[bool]:
    taken = []
    for _ in range(rounds):
        if deployed["stage"] == "with":
            taken.append(run.patched("greet-bob"))
        run.step(greet, "Bob" if taken and taken[-1] else "Ann")
        run.wait_event("next")
    return taken


@workflow("tests.wrongly_patched")
def wrongly_patched(run: Context) -> None:
    run.patched("")


def test_a_run_that_has_not_come_to_the_place_takes_the_new_code() -> None:
    run = driven(changing)
    deployed["stage"] = "with"

    send(run.id, "first")
    send(run.id, "second")

    assert get_run(run.id).state == RunState.COMPLETED
    assert notes.done == ["greet Bob"]
    assert "patch_taken" in kinds(run.id)


def test_a_run_that_has_passed_the_place_keeps_to_the_old_code() -> None:
    run = driven(changing)
    send(run.id, "first")
    deployed["stage"] = "with"

    send(run.id, "second")

    assert get_run(run.id).state == RunState.COMPLETED
    assert notes.done == ["greet Ann"]
    assert "patch_taken" not in kinds(run.id)


def test_the_first_answer_holds_for_the_whole_run() -> None:
    old = driven(changing_in_a_loop)
    deployed["stage"] = "with"
    new = driven(changing_in_a_loop)

    for run in (old, new):
        for _ in range(3):
            send(run.id, "next")

    assert get_run(old.id).output == [False] * 3
    assert get_run(new.id).output == [True] * 3
    assert kinds(new.id).count("patch_taken") == 1  # type: ignore[arg-type]


@workflow("tests.patched_twice")
def changing_twice(run: Context) -> list[bool]:
    later = deployed["stage"] == "with" and run.patched("later")
    taken = [later, run.patched("first")]
    run.wait_event("go")
    return taken


def test_a_change_before_another_is_not_taken_by_runs_that_have_taken_that_one() -> None:
    run = driven(changing_twice)
    deployed["stage"] = "with"

    send(run.id, "go")

    assert get_run(run.id).output == [False, True]


@workflow("tests.patched_by_a_steps_name")
def changing_by_a_steps_name(run: Context) -> bool:
    taken = deployed["stage"] == "with" and run.patched("greet")
    run.step(greet, "Ann")
    run.wait_event("go")
    return taken


def test_a_step_of_the_same_name_is_no_patch() -> None:
    run = driven(changing_by_a_steps_name)
    deployed["stage"] = "with"

    send(run.id, "go")

    assert get_run(run.id).output is False


def test_removing_the_call_too_early_is_noticed_before_the_deploy() -> None:
    deployed["stage"] = "with"
    run = driven(changing)
    send(run.id, "first")
    deployed["stage"] = "removed"

    [difference] = replay_open_runs()

    assert difference.run_id == run.id
    assert "patch 'greet-bob'" in str(difference)


def test_a_patch_has_a_name() -> None:
    run = driven(wrongly_patched)

    assert run.error is not None
    assert DefinitionError.__name__ in run.error["type"]


def test_killed_anywhere_a_run_takes_the_same_code() -> None:
    def play() -> None:
        deployed["stage"] = "before"
        runs = [start(changing), start(changing)]
        drive_until_idle()
        send(runs[0].id, "first")
        deployed["stage"] = "with"
        send(runs[1].id, "first")
        for run in runs:
            send(run.id, "second")
            drive_until_idle()

    crash_everywhere(play)
