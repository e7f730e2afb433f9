"""The events that a workflow waits for, read from its source; a declared one that is none is told."""

from collections.abc import Iterator
from typing import Any

import pytest

from workflows.api import Context, workflow
from workflows.checks import check_event_names
from workflows.source.awaited_events import awaited_events
from workflows.tests.registering import own_workflows

GO = "go"
STOP_OR_GO = ("stop", "go")


@pytest.fixture(autouse=True)
def own_registry() -> Iterator[None]:
    """Know the workflows of one test only."""
    with own_workflows(alone=True):
        yield


def helper(run: Context) -> None:
    run.wait_event("helped")
    helper(run)


def in_all_ways(run: Context) -> None:
    run.wait_event("address", type=str, timeout_seconds=5)
    run.wait_event("yes", "no")
    run.wait_event(["left", "right"])
    run.wait_event(GO)
    run.wait_any(event=STOP_OR_GO, seconds=5)
    helper(run)


def computed(run: Context) -> None:
    run.wait_event(f"order-{run.run_id}")


def handed_on(run: Context) -> None:
    run.wait_event("go")
    print(run)  # noqa: T201


def read(function: Any) -> set[str] | None:
    return awaited_events(function)


def test_the_names_are_read_wherever_the_source_tells_them() -> None:
    assert read(in_all_ways) == {*("address", "yes", "no", "left", "right", "go", "stop", "helped")}


@pytest.mark.parametrize("function", [computed, handed_on])
def test_where_only_a_run_tells_nothing_is_said(function: Any) -> None:
    workflow("tests.computed", events={"adress": str})(function)

    assert read(function) is None
    assert check_event_names() == []


def test_a_mistyped_event_is_told_with_the_name_that_was_meant() -> None:
    workflow("tests.mistyped", events={"adress": str, "go": str})(in_all_ways)

    [warning] = check_event_names()

    assert warning.id == "workflows.W017"
    assert "'tests.mistyped' declares the event 'adress' and never waits for it" in warning.msg
    assert warning.hint == "Did you mean 'address'?"


def test_an_event_that_nobody_waits_for_is_to_be_taken_out() -> None:
    workflow("tests.superfluous", events={"zebra": str})(in_all_ways)

    [warning] = check_event_names()

    assert warning.hint == "Take it out of events={…}."
