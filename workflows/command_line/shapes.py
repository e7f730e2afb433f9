"""What `--json` prints: docs/commands.md promises these names."""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from workflows.api import HistoryEntry, Reason, RunView, Steered, StepView

Shape = dict[str, Any]

_IN_LISTS = (
    *("id", "workflow", "version", "state", "status", "key", "owner", "tenant", "tags", "subject"),
    *("priority", "attributes", "error", "waiting_for", "progress", "pausing", "retries"),
    *("crashes", "code_missing", "parent_id", "continued_as", "forked_from", "created_at"),
    *("started_at", "finished_at", "wake_at", "deadline"),
)
_ALONE = ("input", "output", "data", "baggage", "compensation_error", "attempt", "failed_tries")
_OF_STEPS = (
    *("position", "name", "state", "attempts", "lost", "output", "error", "compensation_error"),
    *("retry_at", "started_at", "ended_at", "duration", "running_since", "host", "pid"),
)


def run_shape(run: RunView) -> Shape:
    """Return a run as lists have it."""
    return {name: getattr(run, name) for name in _IN_LISTS}


def whole_run(run: RunView, steps: Iterable[StepView], why: Reason) -> Shape:
    """Return a run with all that is known of it, its history apart."""
    alone = {name: getattr(run, name) for name in _ALONE}
    told = [{name: getattr(step, name) for name in _OF_STEPS} for step in steps]
    return {**run_shape(run), **alone, "steps": told, "why": reason_shape(why)}


def line_shape(line: HistoryEntry) -> Shape:
    """Return a line of history."""
    return {
        name: getattr(line, name) for name in ("at", "kind", "position", "part", "name", "data")
    }


def reason_shape(why: Reason) -> Shape:
    """Return why a run does not move."""
    return {name: getattr(why, name) for name in ("cause", "sentence", "until", "advice")}


def steered_shape(steered: Steered) -> Shape:
    """Return what became of many runs."""
    names = ("verb", "matched", "done", "moved_on", "refused", "reasons")
    return {name: getattr(steered, name) for name in names}


def as_json(shape: Shape) -> str:
    """Return one line of JSON: times as ISO 8601, spans in seconds, all of it ASCII."""
    return json.dumps(shape, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form here")
