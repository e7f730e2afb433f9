"""Runs that ended long ago: whole families, and chains."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models.functions import Now

from workflows.api import Context, Permanent, RunView, start, step, workflow
from workflows.models import Event, History, Run
from workflows.testing import drive_until_idle
from workflows.tests.flows import notes


@step
def note(what: str) -> str:
    """Note what was done."""
    notes.note(what)
    return what


@workflow("tests.leaf")
def leaf(run: Context, waits: bool = False) -> str:
    """A child, which may go on until it is told."""
    run.step(note, "leaf")
    if waits:
        run.wait_event("go")
    return "leaf"


@workflow("tests.tree")
def tree(run: Context, waits: bool = False, detached: bool = False) -> str:
    """A parent with two children, the second of which may wait and may live on its own."""
    run.start_child(leaf)
    run.start_child(leaf, waits=waits, detached=detached)
    return "tree"


@workflow("tests.chain")
def chain(run: Context, hops: int, waits: bool = False) -> str:
    """So many runs that go on as one another, each with a child; the last may wait."""
    run.step(note, f"hop {hops}")
    run.start_child(leaf)
    if hops > 1:
        run.continue_as_new(hops=hops - 1, waits=waits)
    if waits:
        run.wait_event("go")
    return "chain"


@workflow("tests.fails")
def fails(run: Context) -> None:
    """It fails."""
    raise Permanent("no good")


def ended(workflow: Any, *, days_ago: float = 40, key: str | None = None, **given: Any) -> RunView:
    """Start a run, drive it and what it starts, and let all that has ended have ended then."""
    run = start.using(key=key)(workflow, **given)
    drive_until_idle()
    age(days_ago)
    return run


def age(days: float) -> None:
    """Let whatever has ended by now have ended so long ago."""
    Run.objects.filter(finished_at__isnull=False).update(finished_at=Now() - timedelta(days=days))


def what_is_left() -> tuple[int, int, int]:
    """Return how many runs, lines and events there are."""
    return Run.objects.count(), History.objects.count(), Event.objects.count()


def ids() -> set[UUID]:
    """Return the ids of all runs."""
    return set(Run.objects.values_list("id", flat=True))
