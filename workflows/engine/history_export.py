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
NO_HISTORY = "not an exported history"


def export_history(run_id: RunId) -> dict[str, Any]:
    """Return a run's input and history as plain JSON values; what is encrypted stays so. Raises
    RunNotFound."""
    return as_exported(recorded_run(run_id))


def as_exported(recorded: Recorded) -> dict[str, Any]:
    """Return what is known of a run as plain JSON values."""
    told = {
        "format": FORMAT,
        "run": str(recorded.run_id),
        "workflow": recorded.workflow,
        "version": recorded.version,
        "input": recorded.input,
        "defaults": recorded.defaults,
        "baggage": recorded.baggage,
        "created_at": recorded.created_at.isoformat(),
        "history": [_line(entry) for entry in recorded.entries],
    }
    if recorded.chain_root not in (None, recorded.run_id):
        told["chain"] = str(recorded.chain_root)
    return told


def import_history(exported: Any) -> Recorded:
    """Read what export_history wrote. Raises InvalidInput."""
    known = _field(exported, "format", int)
    if known != FORMAT:
        raise InvalidInput(f"a history of format {known}; this engine reads {FORMAT}")
    try:
        run_id = UUID(_field(exported, "run", str))
        chain_root = UUID(_field({"chain": str(run_id), **exported}, "chain", str))
    except ValueError:
        told = f"'run' is {exported['run']!r:.80}, 'chain' {exported.get('chain')!r:.80}"
        raise InvalidInput(f"{NO_HISTORY}: {told}") from None
    return Recorded(
        run_id=run_id,
        workflow=_field(exported, "workflow", str),
        version=_field(exported, "version", int),
        input=_field(exported, "input", dict),
        defaults=_field({"defaults": {}, **exported}, "defaults", dict),
        created_at=_moment(exported, "created_at"),
        baggage=_field({"baggage": {}, **exported}, "baggage", dict),
        chain_root=chain_root,
        entries=[
            _entry(each, line) for each, line in enumerate(_field(exported, "history", list), 1)
        ],
    )


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


def _entry(number: int, line: Any) -> HistoryEntry:
    try:
        kind = HistoryKind(_field(line, "kind", str))
    except ValueError:
        raise InvalidInput(f"{NO_HISTORY}: there is no kind {line['kind']!r:.80}") from None
    return HistoryEntry(
        id=number,
        position=_field(line, "position", int, type(None)),
        part=_field(line, "part", int),
        kind=kind,
        name=_field(line, "name", str),
        data=_field(line, "data", dict),
        at=_moment(line, "at"),
    )


def _field(holder: Any, name: str, *kinds: type) -> Any:
    """Return a value of an exported object. Raises InvalidInput where it is missing or of no such kind."""
    if not isinstance(holder, dict) or name not in holder:
        raise InvalidInput(f"{NO_HISTORY}: {name!r} is missing from {holder!r:.80}")
    if type(holder[name]) not in kinds:
        raise InvalidInput(f"{NO_HISTORY}: {name!r} is {holder[name]!r:.80}")
    return holder[name]


def _moment(holder: Any, name: str) -> datetime:
    text = _field(holder, name, str)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidInput(f"{NO_HISTORY}: {name!r} is {text!r:.80}, no time with its zone")
    return moment
