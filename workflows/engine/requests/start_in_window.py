"""Start a run that is debounced or throttled, in the caller's transaction."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction

from workflows.core.run import RunView
from workflows.core.start_window import (
    Debounce,
    OpenWindow,
    StartWindow,
    due_of_next,
    due_of_waiting,
)
from workflows.engine.requests.start_options import Requested
from workflows.store import start_windows as store
from workflows.store.views import get_run

Begin = Callable[[Requested], RunView]


def start_in_window(asked: Requested, window: StartWindow, begin: Begin) -> RunView:
    """Return the run that stands for this start: the one that waits, with this input, or a new one."""
    where = asked.new.workflow, type(window).__name__.lower(), window.key
    with transaction.atomic():
        known = store.open_window(*where)
        waiting = _with_this_input(asked, window, known)
        if waiting is not None and known.run_id is not None:
            due, first_at, run = waiting, known.first_at, get_run(known.run_id)
        else:
            due, first_at = due_of_next(window, known), known.now
            run = begin(asked._replace(new=replace(asked.new, at=due)))
        after = timedelta(seconds=0 if isinstance(window, Debounce) else window.seconds)
        store.keep(*where, run=run.id, first_at=first_at, due=due, kept_until=due + after)
    return run


def _with_this_input(asked: Requested, window: StartWindow, known: OpenWindow) -> datetime | None:
    """Give the waiting run this input, and return when it is due; None: none waits."""
    due = due_of_waiting(window, known)
    if known.run_id is not None and store.replace_input(known.run_id, asked.new, due):
        return due
    return None
