"""Trips that are booked and undone, for the tests of whatever ends in compensation."""

from workflows.api import Context, Permanent, RetryPolicy, step, workflow
from workflows.tests.flows import ONCE, notes

broken: set[str] = set()
"""What cannot be released at the moment."""


@step(retry=RetryPolicy(attempts=2, first_delay_seconds=10, jitter=0))
def release(output: str, what: str) -> None:
    if what in broken:
        notes.note(f"failed to release {what}")
        raise ValueError("out of order")
    notes.note(f"release {output}")


@step(compensate=release)
def book(what: str) -> str:
    notes.note(f"book {what}")
    return what.upper()


@step(retry=ONCE, compensate=release)
def refuse(what: str) -> None:
    raise Permanent(f"no {what}")


@workflow("tests.trip", on_failure="compensate", on_cancel="compensate")
def trip(run: Context, fails: bool = True) -> str:
    run.step(book, "flight")
    run.step(book, "hotel")
    if fails:
        run.step(refuse, "car")
    run.wait_event("go")
    return "gone"
