"""@schedule: where it stands, what it refuses, and whose name it has."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from unittest import mock

import pytest

from workflows.api import Context, DefinitionError, schedule, workflow
from workflows.checks import check_schedules
from workflows.definitions import schedule as registry
from workflows.tests.registering import own_workflows


@pytest.fixture(autouse=True)
def own_schedules() -> Iterator[None]:
    with own_workflows(), mock.patch.dict(registry._declared, clear=True):
        yield


def test_a_schedule_has_its_workflows_name_and_leaves_the_function_alone() -> None:
    @workflow("tests.nightly")
    def nightly(run: Context) -> None: ...

    same = schedule("0 3 * * *", zone="Europe/Brussels")(nightly)

    [declared] = registry.declared_schedules()
    assert same is nightly
    assert (declared.name, declared.rules.workflow) == ("tests.nightly", "tests.nightly")
    assert declared.rules.timing.zone == "Europe/Brussels"


def test_a_workflow_may_have_two_schedules_with_names_of_their_own() -> None:
    @schedule("0 3 * * *", name="nightly report", input={"kind": "short"})
    @schedule(every_seconds=3600, overlap="queue one", input={"kind": "long"})
    @workflow("tests.report")
    def report(run: Context, kind: str) -> None: ...

    names = {each.name: each.rules.input for each in registry.declared_schedules()}
    assert names == {"nightly report": {"kind": "short"}, "tests.report": {"kind": "long"}}


def test_a_schedule_stands_above_the_workflow() -> None:
    with pytest.raises(DefinitionError, match="put @schedule above @workflow"):

        @schedule("0 3 * * *")
        def nightly(run: Context) -> None: ...


def test_two_functions_cannot_share_a_schedules_name() -> None:
    @schedule("0 3 * * *", name="nightly")
    @workflow("tests.one")
    def one(run: Context) -> None: ...

    with pytest.raises(DefinitionError, match=r"'nightly' is declared on .*one already"):

        @schedule("0 4 * * *", name="nightly")
        @workflow("tests.two")
        def two(run: Context) -> None: ...


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "needs one of"),
        ({"cron": "0 25 * * *"}, "bad hour"),
        ({"cron": "0 3 * * *", "zone": "Europe/Bruxelles"}, "no time zone"),
        ({"every_seconds": 60, "overlap": "maybe"}, "overlap is 'maybe'"),
        ({"at": datetime.fromisoformat("2026-01-01")}, "aware datetime"),
        ({"every_seconds": 60, "catch_up_seconds": 1}, "catch_up_seconds is 1"),
    ],
)
def test_what_cannot_be_is_refused_where_it_is_written(given: dict[str, Any], words: str) -> None:
    with pytest.raises(DefinitionError, match=words):
        schedule(**given)


def test_a_name_that_cannot_be_is_refused() -> None:
    @workflow("tests.nightly")
    def nightly(run: Context) -> None: ...

    with pytest.raises(DefinitionError, match="names no schedule"):
        schedule("0 3 * * *", name="a\nb")(nightly)


def test_an_input_that_the_workflow_cannot_take_is_told_at_start_up() -> None:
    @schedule("0 3 * * *", name="broken", input={"day": "Monday", "more": 1})
    @schedule("0 3 * * *", name="fine", input={"day": "Monday"})
    @workflow("tests.dated")
    def dated(run: Context, scheduled_for: datetime, day: str) -> None: ...

    [told] = check_schedules()

    assert told.id == "workflows.E010"
    assert "the input of schedule 'broken' does not fit" in told.msg
