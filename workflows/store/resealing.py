"""What of each table is encrypted, opened and sealed again with the key that encrypts now, or left plain."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from workflows.core.codec import as_text, loads
from workflows.core.history import HistoryKind
from workflows.core.line_fields import PAYLOAD
from workflows.core.lines import CHILD_EVENT
from workflows.core.sealed import IN_TEXT
from workflows.store.sealing import (
    BEAT,
    BEAT_FIELDS,
    CHUNK,
    ERROR_COLUMNS,
    WHOLE_COLUMNS,
    Opener,
    Sealer,
    owner_of_schedule,
    place_of_chunk,
    place_of_event,
    place_of_line,
    sealer,
)
from workflows.store.updates import opened_answer, sealed_answer

Columns = dict[str, Any]
RowId = tuple[Any, ...]
"""The values of the columns that name a row."""


class Row(NamedTuple):
    """A row that has values of another key, or plain ones."""

    id: RowId
    text: str
    """Its columns, as they were read."""
    beside: Mapping[str, Any]
    """What says whose they are, and in which place."""


Open = Callable[[Columns, Mapping[str, Any]], Columns]
Seal = Callable[[Columns, Mapping[str, Any], Sealer], Columns]


@dataclass(frozen=True)
class Kept:
    """A table with values, and how they are opened and sealed."""

    name: str
    table: str
    key: Mapping[str, str]
    """The columns that name a row, with their types."""
    columns: tuple[str, ...]
    beside: str
    """SQL of what says where a value belongs, by names; the row is `kept`, its run `run`."""
    open: Open
    """Of the columns that have a value. Raises PayloadUnreadable."""
    seal: Seal

    @property
    def source(self) -> str:
        """Return what is selected from."""
        of_run = (
            " JOIN workflows_run AS run ON run.id = kept.run_id" if "run." in self.beside else ""
        )
        return f"{self.table} AS kept{of_run}"


def _open_run(columns: Columns, beside: Mapping[str, Any]) -> Columns:
    opener, told = _opener(beside["owner"]), dict(columns)
    told |= {name: opener.value(told[name], name) for name in WHOLE_COLUMNS if name in told}
    told |= {name: opener.error(told[name]) for name in ERROR_COLUMNS if name in told}
    if BEAT in told:
        told[BEAT] = opener.beat(told[BEAT], beside["id"])
    return told


def _seal_run(columns: Columns, beside: Mapping[str, Any], sealing: Sealer) -> Columns:
    told = dict(columns)
    told |= {name: sealing.value(told[name], name) for name in WHOLE_COLUMNS if name in told}
    told |= {name: sealing.error(told[name]) for name in ERROR_COLUMNS if name in told}
    if BEAT in told:
        own, beat = sealing.of(beside["id"]), told[BEAT]
        told[BEAT] = beat | {
            name: own.value(beat[name], name, BEAT) for name in BEAT_FIELDS if name in beat
        }
    return told


def _open_line(columns: Columns, beside: Mapping[str, Any]) -> Columns:
    where = _line(beside)
    return {} if where is None else {"data": _opener(beside["owner"]).line(*where, columns["data"])}


def _seal_line(columns: Columns, beside: Mapping[str, Any], sealing: Sealer) -> Columns:
    where = _line(beside)
    return {} if where is None else {"data": sealing.line(*where, columns["data"])}


def _line(beside: Mapping[str, Any]) -> tuple[HistoryKind, str, str] | None:
    """Return what a line is, and its place; None: a newer release has written it, and knows."""
    if beside["kind"] not in _KINDS:
        return None
    place = place_of_line(beside["position"], beside["part"])
    return HistoryKind(beside["kind"]), beside["name"], place


def _open_event(columns: Columns, beside: Mapping[str, Any]) -> Columns:
    opener, told = _opener(beside["owner"]), dict(columns)
    if PAYLOAD.name in told:
        told[PAYLOAD.name] = loads(opener.event(beside["name"], as_text(told[PAYLOAD.name])))
    if "answer" in told:
        told["answer"] = opened_answer(told["answer"], beside["id"], beside["position"], opener)
    return told


def _seal_event(columns: Columns, beside: Mapping[str, Any], sealing: Sealer) -> Columns:
    told, name = dict(columns), beside["name"]
    if PAYLOAD.name in told:
        payload = told[PAYLOAD.name]
        told[PAYLOAD.name] = (
            sealing.end_of_child(name, payload)
            if name.startswith(CHILD_EVENT)
            else sealing.value(payload, PAYLOAD.name, place_of_event(name))
        )
    if "answer" in told:
        told["answer"] = sealed_answer(told["answer"], beside["id"], beside["position"], sealing)
    return told


def _open_schedule(columns: Columns, beside: Mapping[str, Any]) -> Columns:
    opener, told = _opener(owner_of_schedule(beside["owner"])), dict(columns)
    if "input" in told:
        told["input"] = opener.value(told["input"], "input")
    if (told.get("declared") or {}).get("input"):
        told["declared"] |= {"input": opener.value(told["declared"]["input"], "input")}
    return told


def _seal_schedule(columns: Columns, beside: Mapping[str, Any], sealing: Sealer) -> Columns:
    told, own = dict(columns), sealing.of(owner_of_schedule(beside["owner"]))
    if "input" in told:
        told["input"] = own.value(told["input"], "input")
    if (told.get("declared") or {}).get("input"):
        told["declared"] |= {"input": own.value(told["declared"]["input"], "input")}
    return told


def _open_chunk(columns: Columns, beside: Mapping[str, Any]) -> Columns:
    place = place_of_chunk(beside["attempt"], beside["sequence"])
    return {CHUNK: _opener(beside["owner"]).value(columns[CHUNK], CHUNK, place)}


def _seal_chunk(columns: Columns, beside: Mapping[str, Any], sealing: Sealer) -> Columns:
    place = place_of_chunk(beside["attempt"], beside["sequence"])
    return {CHUNK: sealing.value(columns[CHUNK], CHUNK, place)}


def _opener(owner: Any) -> Opener:
    return Opener(owner, raises=True)


_KINDS = {kind.value for kind in HistoryKind if kind is not HistoryKind.UNKNOWN}
_ROOT = "coalesce(run.chain_id, run.id)"
TABLES = (
    Kept(
        "runs", "workflows_run", {"id": "uuid"}, (*WHOLE_COLUMNS, *ERROR_COLUMNS, BEAT),
        "'id', kept.id, 'owner', coalesce(kept.chain_id, kept.id)", _open_run, _seal_run,
    ),
    Kept(
        "lines of history", "workflows_history", {"id": "bigint"}, ("data",),
        f"'owner', {_ROOT}, 'kind', kept.kind, 'name', kept.name, 'position', kept.position, "
        "'part', kept.part", _open_line, _seal_line,
    ),
    Kept(
        "events", "workflows_event", {"id": "bigint"}, (PAYLOAD.name, "answer"),
        f"'id', kept.id, 'owner', {_ROOT}, 'name', kept.name, 'position', kept.position",
        _open_event, _seal_event,
    ),
    Kept(
        "schedules", "workflows_schedule", {"id": "bigint"}, ("input", "declared"),
        "'owner', kept.name", _open_schedule, _seal_schedule,
    ),
    Kept(
        "chunks of streams", "workflows_chunk",
        {"run_id": "uuid", "attempt": "integer", "sequence": "integer"}, (CHUNK,),
        "'owner', kept.run_id, 'attempt', kept.attempt, 'sequence', kept.sequence",
        _open_chunk, _seal_chunk,
    ),
)  # fmt: skip
"""All that holds values."""


def resealed(kept: Kept, row: Row, writes: str) -> str | None:
    """Return the columns of a row that change, as JSON text; None: nothing does. writes: the key that
    encrypts now; "": none does. Raises PayloadUnreadable."""
    found = loads(row.text).items()
    before: Columns = {name: value for name, value in found if _is_due(value, writes)}
    plain = kept.open(before, row.beside) if before else before
    sealing = sealer(row.beside["owner"])
    after = plain if sealing is None else kept.seal(plain, row.beside, sealing)
    changed = {
        name: value for name, value in after.items() if as_text(value) != as_text(before[name])
    }
    return as_text(changed) if changed else None


def _is_due(value: Any, writes: str) -> bool:
    """Whether a column is to be written anew: something of it is plain, or has another key than ours."""
    if value is None or value == {}:
        return False
    text = as_text(value)
    keys, ours = text.count(IN_TEXT), text.count(f"{IN_TEXT}{writes}:")
    return keys != ours or ours == 0 if writes else keys > 0
