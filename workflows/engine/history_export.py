"""Histories as JSON: to be kept as fixtures, and replayed against later code forever."""

from datetime import datetime
from typing import Any
from uuid import UUID

from workflows.core.errors import InvalidInput
from workflows.core.history import HistoryEntry, HistoryKind
from workflows.core.line_fields import plain_data
from workflows.core.run import RunId
from workflows.engine.replay_check import Difference, Recorded, recorded_run, replay

FORMAT = 1


def export_history(run_id: RunId) -> dict[str, Any]:
    """Return a run's input and history as plain JSON values. Raises RunNotFound."""
    recorded = recorded_run(run_id)
    return {
        "format": FORMAT,
        "run": str(recorded.run_id),
        "workflow": recorded.workflow,
        "version": recorded.version,
        "input": recorded.input,
        "defaults": recorded.defaults,
        "created_at": recorded.created_at.isoformat(),
        "history": [_line(entry) for entry in recorded.entries],
    }


def import_history(exported: dict[str, Any]) -> Recorded:
    """Read what export_history wrote. Raises InvalidInput."""
    try:
        if exported["format"] != FORMAT:
            raise InvalidInput(
                f"a history of format {exported['format']!r}; this engine reads {FORMAT}"
            )
        return Recorded(
            run_id=UUID(exported["run"]),
            workflow=exported["workflow"],
            version=exported["version"],
            input=exported["input"],
            defaults=exported.get("defaults", {}),
            created_at=datetime.fromisoformat(exported["created_at"]),
            entries=[_entry(number, line) for number, line in enumerate(exported["history"], 1)],
        )
    except (TypeError, ValueError, KeyError, AttributeError) as exc:
        raise InvalidInput(f"not an exported history: {exc!r}") from None


def replay_history(exported: dict[str, Any]) -> Difference | None:
    """Replay an exported history against the code at hand; None: it fits."""
    return replay(import_history(exported))


def _line(entry: HistoryEntry) -> dict[str, Any]:
    return {
        "position": entry.position,
        "part": entry.part,
        "kind": entry.kind.value,
        "name": entry.name,
        "data": plain_data(entry),
        "at": entry.at.isoformat(),
    }


def _entry(number: int, line: dict[str, Any]) -> HistoryEntry:
    return HistoryEntry(
        id=number,
        position=line["position"],
        part=line["part"],
        kind=HistoryKind(line["kind"]),
        name=line["name"],
        data=line["data"],
        at=datetime.fromisoformat(line["at"]),
    )
