"""What can be written in more than one way."""

from datetime import timedelta

import pytest
from django.utils import timezone

from workflows.api import Context, InvalidInput, RunState, UnknownWorkflow, get_run, start, workflow
from workflows.testing import advance, send
from workflows.tests.builders import driven
from workflows.tests.flows import greet, greet_once, wait_for_go

pytestmark = pytest.mark.django_db


@workflow("tests.either")
def either(run: Context, listed: bool) -> list[object]:
    """Wait for two names."""
    if listed:
        event = run.wait_event(["yes", "no"], timeout_seconds=60)
    else:
        event = run.wait_event("yes", "no", timeout_seconds=60)
    return [] if event is None else [event.name, event.payload]


@workflow("tests.by_name")
def by_name(run: Context) -> list[str]:
    """Children of a workflow given by its name; a result waited for by place."""
    first = run.start_child("tests.greet", name="Ann").result(60)
    return [first, *run.map("tests.greet", [{"name": "Bob"}])]


@workflow("tests.versions", version=1)
def old(run: Context) -> int:
    return 1


@workflow("tests.versions", version=2)
def new(run: Context) -> int:
    return 2


@workflow("tests.assigning")
def assigning(run: Context) -> None:
    """Assign what can also be changed."""
    run.data["old"] = 1
    run.data = {"stage": "one"}
    run.attributes = {"order": 7}
    run.step(greet, "Ann")
    run.data = {**run.data, "more": True}


@workflow("tests.patient")
def patient(run: Context, deadline_seconds: float) -> float:
    """Have an input that start() has an option for."""
    return deadline_seconds


@workflow("tests.graphed")
def graphed(run: Context) -> dict[str, str]:
    """Name one call to come after as a text."""
    return run.graph({"first": run.call(greet, "a"), "b": run.call(greet, "b", after="first")})


@workflow(on_failure="compensate")
def unnamed(run: Context) -> str:
    """Have no name of its own."""
    return "named after its function"


@pytest.mark.parametrize("listed", [True, False])
def test_several_events_are_named_one_by_one_or_in_a_list(listed: bool) -> None:
    first, second = start(either, listed=listed), start(either, listed=listed)
    send(first, "no", 5)
    advance(seconds=60)

    assert [get_run(each).output for each in (first, second)] == [["no", 5], []]


def test_a_workflow_is_started_by_its_name_in_its_newest_version() -> None:
    assert driven("tests.versions").output == 2
    assert driven(old).output == 1
    assert driven(by_name).output == ["Hello, Ann", "Hello, Bob"]


def test_a_name_that_no_workflow_has_is_told_with_its_nearest_relative() -> None:
    with pytest.raises(UnknownWorkflow, match=r"no workflow 'tests\.great'; did you mean"):
        start("tests.great", name="Ann")


def test_a_workflow_without_a_name_is_called_after_its_function() -> None:
    run = driven(unnamed)

    assert run.workflow == "workflows.tests.engine.verbs.test_spellings.unnamed"
    assert run.output == "named after its function"


def test_data_and_attributes_may_be_assigned() -> None:
    run = driven(assigning)

    assert run.data == {"stage": "one", "more": True}
    assert run.attributes == {"order": 7}


def test_one_call_to_come_after_is_a_text() -> None:
    assert driven(graphed).output == {"first": "Hello, a", "b": "Hello, b"}


def test_a_run_is_given_a_deadline_of_its_own() -> None:
    run = start(wait_for_go, deadline_seconds=60)
    assert run.deadline is not None
    assert timedelta(seconds=50) < run.deadline - timezone.now() <= timedelta(seconds=60)

    advance(61)

    assert get_run(run).state == RunState.FAILED
    assert "deadline" in (get_run(run).error or {})["message"]


def test_an_input_called_like_the_deadline_stays_an_input() -> None:
    run = driven(patient, deadline_seconds=5)

    assert (run.output, run.deadline) == (5, None)


@pytest.mark.parametrize("seconds", ["60", float("nan"), timedelta(seconds=60)])
def test_a_deadline_that_is_no_number_of_seconds_is_refused(seconds: float) -> None:
    with pytest.raises(InvalidInput, match=r"deadline_seconds: .* is not a number of seconds"):
        start(wait_for_go, deadline_seconds=seconds)


def test_an_input_that_cannot_be_stored_is_named() -> None:
    with pytest.raises(InvalidInput, match=r"name: 5 cannot be stored as str, as its annotation"):
        start(greet_once, name=5)
