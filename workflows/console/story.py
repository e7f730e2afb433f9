"""History for people: each line with what it holds, readable, and secrets masked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from workflows.api import HistoryEntry, HistoryKind
from workflows.conf import conf
from workflows.core.line_fields import BY, ERROR, NAMES, REASON, VIA, plain_data
from workflows.core.masking import masked

PAGE = 100


@dataclass(frozen=True, kw_only=True)
class StoryLine:
    """A line of history."""

    line: HistoryEntry
    title: str
    name: str
    state: str
    """Whose hue and icon it has."""
    by: str
    reason: str
    via: str
    error: dict[str, Any] | None
    rest: dict[str, Any]
    """What it holds besides."""


def story_of(lines: Sequence[HistoryEntry]) -> list[StoryLine]:
    """Return lines for people, the newest first."""
    return [_told(line) for line in reversed(lines)]


def who_did_what(lines: Sequence[HistoryEntry]) -> list[StoryLine]:
    """Return the lines that somebody asked for, the newest first."""
    return [_told(line) for line in reversed(lines) if line.kind in _ASKED]


def shown(value: Any) -> Any:
    """Return a value as people may see it."""
    return masked(value, conf().masked)


def plain_line(line: HistoryEntry) -> dict[str, Any]:
    """Return a line as a JSON value, as people may see it."""
    return {
        "id": line.id,
        "position": line.position,
        "part": line.part,
        "kind": line.kind.value,
        "name": line.name,
        "data": shown(plain_data(line)),
        "at": line.at.isoformat(),
    }


def _told(line: HistoryEntry) -> StoryLine:
    data = shown(plain_data(line))
    error = data.get(ERROR.name)
    apart = {BY.name, REASON.name, VIA.name, ERROR.name}
    return StoryLine(
        line=line,
        title=line.kind.replace("_", " ").capitalize(),
        name=line.name or ", ".join(NAMES.find(line) or ()),
        state=_STATES.get(line.kind, "pending"),
        by=BY.find(line) or "",
        reason=str(REASON.find(line) or ""),
        via=VIA.find(line) or "",
        error=error if isinstance(error, dict) else None,
        rest={name: value for name, value in data.items() if name not in apart and value != {}},
    )


_ = HistoryKind
_ASKED = {
    _.CANCEL_REQUESTED,
    _.COMPENSATION_STARTED,
    _.FORKED,
    _.PAUSED,
    _.RESUMED,
    _.RETRIED,
    _.WOKEN,
}
_STATES = {
    _.STEP_COMPLETED: "completed",
    _.STEP_STARTED: "running",
    _.STEP_FAILED: "failed",
    _.ATTEMPT_FAILED: "failed",
    _.WAIT_STARTED: "waiting",
    _.EVENT_RECEIVED: "completed",
    _.EVENT_SENT: "completed",
    _.EVENT_REFUSED: "failed",
    _.WAIT_TIMED_OUT: "waiting",
    _.SLEEP_STARTED: "waiting",
    _.SLEEP_ENDED: "completed",
    _.COMPENSATION_STARTED: "compensating",
    _.COMPENSATION_COMPLETED: "compensated",
    _.COMPENSATION_ATTEMPT_FAILED: "failed",
    _.RECOVERED: "blocked",
    _.BLOCKED: "blocked",
    _.CODE_AWAITED: "waiting",
    _.PAUSED: "paused",
    _.CANCEL_REQUESTED: "cancelled",
    _.RUN_COMPLETED: "completed",
    _.RUN_FAILED: "failed",
    _.RUN_CANCELLED: "cancelled",
    _.RUN_COMPENSATED: "compensated",
}
