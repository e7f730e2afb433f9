"""Schedules in code become rows; who changed a field last has it; what goes away rests."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest

from workflows.api import (
    Context,
    get_schedule,
    list_schedules,
    next_times,
    pause_schedule,
    put_schedule,
    schedule,
)
from workflows.definitions import schedule as registry
from workflows.engine.schedules.declared_rows import write_declared
from workflows.engine.schedules.start_due import start_due
from workflows.models import Schedule as Row
from workflows.tests.builders import connected, counted_statements
from workflows.tests.flows import greet_once, wait_for_go
from workflows.tests.listening import announced
from workflows.tests.registering import registered
from workflows.tests.schedules import HOUR, let_pass, made, runs

pytestmark = pytest.mark.usefixtures("committed")


@pytest.fixture(autouse=True)
def own_schedules() -> Iterator[None]:
    with mock.patch.dict(registry._declared, clear=True):
        yield


def declare(*args: Any, name: str = "report", **given: Any) -> None:
    """Let the code say this, and the rows hear it."""
    registry._declared.pop(name, None)
    schedule(*args, name=name, **given)(wait_for_go)
    write_declared()


def test_a_declared_schedule_becomes_a_row_that_begins_now() -> None:
    declare("0 3 * * *", zone="Europe/Brussels", jitter_seconds=60)

    [found] = list_schedules()
    assert (found.name, found.in_code, found.removed) == ("report", True, False)
    assert found.rules.timing.zone == "Europe/Brussels"
    assert found.next_tick == next_times("report", count=1)[0]


def test_what_is_written_already_costs_one_look() -> None:
    declare("0 3 * * *")

    with counted_statements() as sent:
        write_declared()

    assert len(sent) == 1


def test_the_pushers_own_connection_will_do() -> None:
    schedule("0 3 * * *")(wait_for_go)

    with connected() as own:
        write_declared(own)

    assert [found.name for found in list_schedules()] == ["tests.wait"]


def test_an_operators_edit_stands_until_the_code_changes_that_field() -> None:
    declare("0 3 * * *", jitter_seconds=60)
    put_schedule("report", wait_for_go, cron="0 5 * * *", jitter_seconds=30, by="alice")

    write_declared()
    edited = get_schedule("report").rules
    declare("0 3 * * *", jitter_seconds=90)
    changed = get_schedule("report").rules

    assert (edited.timing.cron, edited.jitter_seconds) == ("0 5 * * *", 30)
    assert (changed.timing.cron, changed.jitter_seconds) == ("0 5 * * *", 90)


def test_a_new_timing_in_the_code_takes_the_place_of_an_edited_one_whole() -> None:
    declare("0 3 * * *")
    put_schedule("report", wait_for_go, every_seconds=60)

    declare("0 4 * * *")

    timing = get_schedule("report").rules.timing
    assert (timing.cron, timing.every_seconds) == ("0 4 * * *", None)


def test_a_pause_is_never_the_codes_to_end() -> None:
    declare("0 3 * * *")
    pause_schedule("report", by="alice", reason="no paper")

    declare("0 4 * * *")

    assert get_schedule("report").pause_note == "no paper"


def test_what_the_code_no_longer_declares_rests_and_comes_back_with_it() -> None:
    declare(every_seconds=HOUR)
    registry._declared.clear()
    with announced("schedule_changed") as told:
        write_declared()
    let_pass(HOUR)
    start_due()
    before, resting = len(runs()), get_schedule("report")

    declare(every_seconds=HOUR)
    start_due()

    assert (before, resting.removed, resting.rests) == (0, True, True)
    assert [(name, said["by"]) for name, said in told] == [("schedule_changed", "code")]
    assert (len(runs()), get_schedule("report").removed) == (1, False)


def test_code_that_knows_nothing_of_the_workflow_leaves_its_schedules_alone() -> None:
    declare("0 3 * * *")
    registry._declared.clear()
    Row.objects.update(workflow="tests.elsewhere")

    write_declared()

    assert get_schedule("report").removed is False


def test_a_row_that_an_operator_made_under_the_name_is_taken_over() -> None:
    made("report", workflow=greet_once, input={"name": "Alice"})

    declare("0 3 * * *")

    found = get_schedule("report")
    assert (found.rules.workflow, found.rules.input, found.in_code) == ("tests.wait", {}, True)


def test_a_declared_input_that_does_not_fit_is_told_and_holds_up_no_other() -> None:
    def strict(run: Context, day: str) -> None: ...

    with registered(strict, "tests.strict") as code, announced("schedule_failed") as told:
        schedule("0 3 * * *", name="broken")(code)
        schedule("0 3 * * *", name="fine", input={"day": "Monday"})(code)
        write_declared()

    assert [found.name for found in list_schedules()] == ["fine"]
    [(_, said)] = told
    assert said["schedule"] == "broken"
    assert "missing a required argument: 'day'" in str(said["error"])


def test_another_timing_begins_when_it_is_written() -> None:
    declare(every_seconds=HOUR)
    let_pass(5 * HOUR)

    declare(every_seconds=HOUR / 2)

    found = get_schedule("report")
    assert found.next_tick is not None
    assert found.next_tick - found.done_until <= timedelta(hours=0.5)
