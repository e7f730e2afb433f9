"""A replay that gives a recorded step something else blocks the run, and says what."""

from typing import Any
from unittest import mock

import pytest

from workflows.api import (
    Context,
    RetryPolicy,
    RunState,
    action,
    current_step,
    get_history,
    get_run,
    step,
    workflow,
)
from workflows.core import lines
from workflows.engine.replay_check import replay_open_runs
from workflows.testing import advance, crash_everywhere, send
from workflows.tests.builders import driven
from workflows.tests.flows import notes

pytestmark = pytest.mark.django_db

world: dict[str, Any] = {}
"""What the code below looks at past its run, as a deploy or another hash seed would change it."""


@pytest.fixture(autouse=True)
def _the_world_as_it_is() -> None:
    world.clear()
    world.update(amount=10, names=["ann", "bob"], extra={})


@step
def pay(amount: int, *notes_: str, currency: str = "EUR") -> int:
    notes.note(f"pay {amount}")
    info = current_step()
    if world.get("fails") and info and info.attempt == 1:
        raise ConnectionError("away")
    return amount


@step(compare_arguments=False)
def log(line: str) -> None:
    notes.note(line)


@action("compared_reminder", atomic=True)
def remind(name: str, copies: int = 1) -> str:
    return f"{copies} to {name}"


@workflow("tests.compared.pay")
def paying(run: Context) -> int:
    run.step(log, f"paying {world['amount']}")
    paid = run.step(pay, world["amount"], **world["extra"])
    run.wait_event("go")
    return paid


@workflow("tests.compared.gather")
def paying_at_once(run: Context) -> dict[str, Any]:
    calls = {name: run.call(pay, len(name), name) for name in world["names"]}
    calls["sum"] = run.call(pay, run.output("ann"))
    found = run.graph(calls)
    run.wait_event("go")
    return dict(found)


@workflow("tests.compared.action")
def reminding(run: Context) -> str:
    told: str = run.actions.compared_reminder(name=world["names"][0])
    run.wait_event("go")
    return told


def message(run_id: Any) -> str:
    run = get_run(run_id)
    assert run.state == RunState.BLOCKED
    return str((run.error or {})["message"])


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"amount": 99},
            "step 'pay' with amount=99 in the code but step 'pay' with another amount",
        ),
        ({"extra": {"currency": "USD"}}, "with currency='USD' in the code but step 'pay' without"),
    ],
)
def test_another_argument_blocks_the_run_and_is_named(change: Any, told: str) -> None:
    run = driven(paying)
    world.update(change)

    [difference] = replay_open_runs()
    send(run, "go")

    assert told in message(run.id)
    assert told in str(difference)
    assert notes.done == ["paying 10", "pay 10"]


def test_the_same_arguments_by_place_or_by_name_go_on() -> None:
    run = driven(paying)

    send(run, "go")

    assert get_run(run.id).output == 10


def test_between_two_attempts_the_arguments_are_the_same_too() -> None:
    world["fails"] = True
    run = driven(paying)
    world["amount"] = 99

    advance(seconds=60)

    assert "amount=99" in message(run.id)
    assert notes.count("pay 99") == 0


def test_branches_in_another_order_block_the_run() -> None:
    run = driven(paying_at_once)
    world["names"].reverse()
    world["names"][0] = "ann"
    world["names"][1] = "robert"

    send(run, "go")

    assert "step 'pay' with" in message(run.id)


def test_a_graph_s_branches_are_compared_with_the_results_they_were_given() -> None:
    run = driven(paying_at_once)

    send(run, "go")

    assert get_run(run.id).output == {"ann": 3, "bob": 3, "sum": 3}


def test_an_action_s_defaults_are_left_out() -> None:
    run = driven(reminding)

    [line, *_] = get_history(run.id)

    assert list(line.data["arguments"]) == ["name"]


def test_lines_of_releases_without_digests_are_not_compared() -> None:
    with mock.patch.object(lines.Received, "written", lambda _: []):
        run = driven(paying)
    world["amount"] = 99

    send(run, "go")

    assert get_run(run.id).output == 10


def test_killed_anywhere_the_same_arguments_are_no_difference() -> None:
    def play() -> None:
        world["fails"] = True
        run = driven(paying)
        advance(seconds=60)
        send(run, "go")
        send(driven(paying_at_once), "go")

    report = crash_everywhere(play, at_least_once=lambda: notes.done, pairs=5)

    assert report.boundaries > 30


@step(retry=RetryPolicy(attempts=2, first_delay_seconds=5, jitter=0))
def try_to_pay(amount: int) -> int:
    notes.note(f"try {amount}")
    raise ConnectionError("away")


@workflow("tests.compared.trying")
def trying_at_once(run: Context) -> None:
    run.gather(run.call(try_to_pay, 1), run.call(try_to_pay, world["amount"]))


def test_no_branch_is_tried_again_where_one_is_given_something_else() -> None:
    run = driven(trying_at_once)
    world["amount"] = 99

    advance(seconds=60)

    assert get_run(run.id).state == RunState.BLOCKED
    assert sorted(notes.done) == ["try 1", "try 10"]
