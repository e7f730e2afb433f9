"""Workflows that the kit is tried on."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group

from workflows.api import Context, RetryPolicy, StepFailed, action, step, workflow

done: list[str] = []
"""What steps have done outside the database."""


@step
def note(what: str) -> str:
    """Do something outside the database, at least once."""
    done.append(what)
    return what


@step(retry=RetryPolicy(attempts=3, first_delay_seconds=60, factor=2, jitter=0))
def fetch(number: int) -> int:
    """Fail never, unless a test fakes it."""
    return number * 2


def undo_book(output: int, name: str) -> None:
    """Undo book."""
    Group.objects.filter(pk=output).delete()


@step(atomic=True, compensate=undo_book)
def book(name: str) -> int:
    """Insert a row, in one transaction with the record."""
    return Group.objects.create(name=name).pk


@step(atomic=True)
def book_and_tell(name: str) -> None:
    """Claim to be atomic, and tell somebody outside the transaction."""
    Group.objects.create(name=name)
    done.append(name)


@step
def insert(name: str) -> None:
    """Insert a row, and leave the record to a commit of its own."""
    Group.objects.create(name=name)


@action("kit_tell", atomic=True)
def tell(who: str) -> str:
    """Tell somebody."""
    return f"told {who}"


@workflow("kit.wait")
def wait(run: Context, seconds: float | None = None) -> Any:
    """Wait for go."""
    return run.wait_event("go", timeout_seconds=seconds)


@workflow("kit.days")
def days(run: Context, count: int) -> list[str]:
    """Sleep so many days, one after the other, and tell the time between."""
    times = [run.now().isoformat()]
    for _ in range(count):
        run.sleep_until(run.now() + timedelta(days=1))
        times.append(run.now().isoformat())
    return times


@workflow("kit.chain")
def chain(run: Context) -> str:
    """Sleep an hour; then start a child that sleeps half an hour."""
    run.sleep(3600)
    return str(run.start_child(nap, seconds=1800.0).result())


@workflow("kit.nap")
def nap(run: Context, seconds: float) -> str:
    """Sleep."""
    run.sleep(seconds)
    return "awake"


@workflow("kit.limited", deadline_seconds=100)
def limited(run: Context, waits: float) -> str:
    """Wait twice, with a deadline over all."""
    run.wait_event("first", timeout_seconds=waits)
    run.wait_event("second", timeout_seconds=waits)
    return "in time"


@workflow("kit.fetch")
def fetch_one(run: Context, number: int = 1) -> Any:
    """One step with retries after one and two minutes."""
    try:
        return run.step(fetch, number)
    except StepFailed as failed:
        return failed.message


@workflow("kit.fetch_all")
def fetch_all(run: Context) -> list[int]:
    """Two steps at once."""
    return list(run.gather(run.call(fetch, 1), run.call(fetch, 2)))


@workflow("kit.trip", on_failure="compensate")
def trip(run: Context) -> None:
    """Book twice, wait, fetch; undo all when that fails."""
    run.data["booked"] = [run.step(book, name) > 0 for name in ("flight", "hotel")]
    run.wait_event("go", timeout_seconds=60)
    run.step(note, "gone")
    run.step(fetch, 1)


@workflow("kit.tell")
def tell_one(run: Context) -> str:
    """One action."""
    return str(run.actions.kit_tell(who="bob"))


@workflow("kit.careless")
def careless(run: Context) -> None:
    """Steps that keep no promise of happening once."""
    run.step(book_and_tell, "careless")


@workflow("kit.inserts")
def inserts(run: Context) -> None:
    """One row by a step that is not atomic."""
    run.step(insert, "twice")


@workflow("kit.parallel")
def parallel(run: Context) -> list[Any]:
    """Children and steps at once, a label and a wait."""
    run.set_status("on the way")
    child = run.start_child(nap, seconds=5.0)
    results = run.gather(run.call(note, "a"), run.call(book, "b"), run.call(note, "c"))
    return [len(results), child.result(), run.wait_event("go", timeout_seconds=10)]
