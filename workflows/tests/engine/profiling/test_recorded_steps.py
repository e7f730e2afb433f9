"""Steps that are not run answer as they did in a run's history."""

import re
from cProfile import Profile
from typing import Any

import pytest

from workflows.api import Context, RetryPolicy, RunState, get_history, get_run, step, workflow
from workflows.engine.profiling.profiled_run import Plan, Profiled, profile_run
from workflows.engine.profiling.recorded_steps import RecordedContext, RecordedSteps, events_of
from workflows.testing import advance, drive_until_idle, history_of, send
from workflows.tests.builders import driven
from workflows.tests.engine.debugging.orders import order, waiting_order
from workflows.tests.flows import notes

pytestmark = pytest.mark.django_db


@step
def unbook(booked: str, city: str) -> None:
    """A compensation."""
    notes.note(f"unbook {city}")


@step(compensate=unbook, retry=RetryPolicy(attempts=1))
def book(city: str) -> str:
    """Fails for one city."""
    notes.note(f"book {city}")
    if city == "Atlantis":
        raise LookupError(city)
    return f"booked {city}"


@workflow("tests.profiled_trip", on_failure="compensate")
def trip(run: Context, cities: list[str]) -> None:
    """Books all, or none."""
    run.gather(*[run.call(book, city) for city in cities])


def profiled(run: Any, workflow: str, **input: Any) -> Profiled:
    entries = get_history(run)
    plan = Plan(
        workflow=workflow,
        input=input,
        events=tuple(events_of(entries)),
        recorded=RecordedSteps(entries),
    )
    return profile_run(plan, Profile())


def test_a_run_goes_the_same_way_without_a_step() -> None:
    run = waiting_order()
    send(run, "address", {"city": "Ghent"})
    done = list(notes.done)

    found = profiled(run.id, "tests.debugged", order_id=7)

    assert found.run.output == get_run(run.id).output == "ref-7 to Ghent"
    assert notes.done == done


def test_what_failed_fails_and_is_undone_without_a_step() -> None:
    run = driven(trip, cities=["Ghent", "Atlantis"])
    assert run.state == RunState.COMPENSATED
    done = list(notes.done)

    found = profiled(run.id, "tests.profiled_trip", cities=["Ghent", "Atlantis"])

    assert found.run.state == RunState.COMPENSATED
    assert (found.run.error or {})["message"] == (run.error or {})["message"]
    assert notes.done == done


@workflow("tests.profiled_cleanup")
def tidy(run: Context, city: str) -> None:
    """Cleans up when it ends."""
    run.on_end(unbook, "room", city)
    run.step(book, city)


def test_what_runs_at_the_end_does_not_run_either() -> None:
    run = driven(tidy, city="Ghent")
    done = list(notes.done)

    found = profiled(run.id, "tests.profiled_cleanup", city="Ghent")

    assert done == ["book Ghent", "unbook Ghent"]
    assert found.run.state == RunState.COMPLETED
    assert notes.done == done


def test_every_verb_that_is_given_a_step_is_given_another() -> None:
    taking = {
        name
        for kind in Context.__mro__
        for name, member in vars(kind).items()
        if name.startswith("_") and {"StepDefinition", "Call"} & _named_in(member)
    }

    assert taking == {"_step", "_on_end", "_group"}
    assert taking <= vars(RecordedContext).keys()


def _named_in(member: Any) -> set[str]:
    """Return the words of a method's annotations."""
    told = " ".join(str(each) for each in getattr(member, "__annotations__", {}).values())
    return set(re.findall(r"\w+", told))


def test_a_run_that_takes_another_way_gets_no_answer() -> None:
    run = driven(trip, cities=["Ghent"])
    done = list(notes.done)

    found = profiled(run.id, "tests.profiled_trip", cities=["Ghent", "Bruges"])

    assert "history has no further result of step 'book'" in str(found.run.error)
    assert notes.done == done


def test_only_events_from_outside_come_again() -> None:
    run = driven(order, order_id=7)
    advance(seconds=601)
    send(run, "address", {"city": "Ghent"})
    drive_until_idle()

    assert ("event_received", "address") in history_of(run)
    assert events_of(get_history(run.id)) == [("address", {"city": "Ghent"})]
