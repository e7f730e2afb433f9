"""Values are sealed before a statement writes them, and opened after one has read them.

Without settings.WORKFLOWS["codec"] nothing is sealed; what is sealed already stays unreadable then.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from workflows.conf import conf
from workflows.core.codec import as_text, dumps, loads
from workflows.core.history import RETRY, HistoryKind
from workflows.core.line_fields import ERROR, PAYLOAD
from workflows.core.lines import CHILD_EVENT
from workflows.core.run import ClaimedRun, Fact
from workflows.core.sealed import (
    ERROR_TEXTS,
    IN_TEXT,
    SEALED_TEXT,
    Encrypted,
    PayloadCodec,
    PayloadUnreadable,
    bound,
    is_sealed,
    opened,
    seal,
    sealed_fields,
)
from workflows.core.signature import Input
from workflows.core.states import RunState

OF_RUN = "run"
"""The place of what stands on a run's row, or in a line that is a copy of it."""
WHOLE_COLUMNS = ("input", "defaults", "output", "data", "baggage", "progress")
ERROR_COLUMNS = ("error", "compensation_error")
BEAT = "heartbeat"
"""The place of a heartbeat, which no other run of the chain takes over."""
BEAT_FIELDS = ("details", "reached")
CHUNK = "value"
"""What is sealed of a chunk of a stream."""


class Sealer:
    """Seals what belongs to one run (or the chain of one), or to one schedule."""

    def __init__(self, codec: PayloadCodec, owner: UUID | str) -> None:
        self._codec, self._owner = codec, owner

    def text(self, text: str, field: str, place: str = OF_RUN) -> str:
        """Return the sealed value of a JSON text, as JSON text."""
        return as_text(seal(self._codec, text, bound(self._owner, place, field)))

    def value(self, value: Any, field: str, place: str = OF_RUN) -> Any:
        """Return the sealed value of a JSON value."""
        return seal(self._codec, dumps(value), bound(self._owner, place, field))

    def error(self, error: Mapping[str, Any], place: str = OF_RUN) -> dict[str, Any]:
        """Return a Failure, its texts sealed."""
        told = {name: self.value(error[name], name, place) for name in ERROR_TEXTS if name in error}
        return {**error, **told}

    def line(self, kind: HistoryKind, name: str, place: str, data: Any) -> dict[str, Any]:
        """Return the data of a line, sealed. The end of a child stays as the child has told it, so that
        its state can be read."""
        told = dict(data)
        if _tells_of_child(kind, name):
            told[PAYLOAD.name] = self.end_of_child(name, told[PAYLOAD.name])
            return told
        for field in sealed_fields(kind):
            if told.get(field, {}) != {}:
                told[field] = self.value(told[field], field, place)
        if told.get(ERROR.name):
            told[ERROR.name] = self.error(told[ERROR.name], place)
        return told

    def end_of_child(self, name: str, end: Any) -> Any:
        """Return how a child has ended, of the event of this name, sealed as the child's row has it."""
        child = self.of(name.removeprefix(CHILD_EVENT))
        told = dict(end)
        if told.get("output") is not None:
            told["output"] = child.value(told["output"], "output")
        if told.get("error"):
            told["error"] = child.error(told["error"])
        return told

    def of(self, owner: UUID | str) -> "Sealer":
        """Return what seals for another owner."""
        return Sealer(self._codec, owner)


class Opener:
    """Opens what belongs to one run (or the chain of one), or to one schedule. What it cannot open it
    tells as Encrypted, and remembers why; with raises=True it raises PayloadUnreadable."""

    def __init__(self, owner: UUID | str, *, decrypt: bool = True, raises: bool = False) -> None:
        self._owner, self._decrypt, self._raises = owner, decrypt, raises
        self._codec = payload_codec() if decrypt else None
        self.failed: PayloadUnreadable | None = None

    def strict(self) -> None:
        """Raise PayloadUnreadable where something could not be opened."""
        if self.failed is not None:
            raise self.failed

    def value(self, value: Any, field: str, place: str = OF_RUN) -> Any:
        """Return a JSON value, opened where it is sealed."""
        if not is_sealed(value):
            return value
        try:
            return loads(opened(self._codec, value, bound(self._owner, place, field)))
        except PayloadUnreadable as exc:
            if self._raises:
                raise
            self.failed = self.failed or exc
            return Encrypted(exc)

    def text(self, text: str, field: str, place: str = OF_RUN) -> str:
        """Return a JSON text, opened where it is that of a sealed value; an empty object where that
        cannot be."""
        if not text.startswith(SEALED_TEXT):
            return text
        value = self.value(json.loads(text), field, place)
        return "{}" if isinstance(value, Encrypted) else dumps(value)

    def error(self, error: Any, place: str = OF_RUN) -> Any:
        """Return a Failure; None where there is none."""
        if not isinstance(error, dict):
            return error
        found = {
            name: self.value(error[name], name, place) for name in ERROR_TEXTS if name in error
        }
        told = {
            name: f"(encrypted with key {each['encrypted']!r})"
            if isinstance(each, Encrypted)
            else each
            for name, each in found.items()
        }
        return {**error, **told}

    def line(self, kind: HistoryKind, name: str, place: str, data: Any) -> Any:
        """Return the data of a line. What only people read of one about the run is nothing to stop for:
        a worker with another key may have blocked the run."""
        told, failed_before = dict(data), self.failed
        if _tells_of_child(kind, name):
            told[PAYLOAD.name] = self.end_of_child(name, told[PAYLOAD.name])
            return told
        for field in sealed_fields(kind):
            if field in told:
                told[field] = self.value(told[field], field, place)
        if ERROR.name in told:
            told[ERROR.name] = self.error(told[ERROR.name], place)
        if place == OF_RUN and kind != HistoryKind.CONTINUED:
            self.failed = failed_before
        return told

    def event(self, name: str, text: str) -> str:
        """Return the payload of an event, as JSON text: of a child's end, what the child has sealed."""
        if IN_TEXT not in text:
            return text
        if name.startswith(CHILD_EVENT):
            return dumps(self.end_of_child(name, loads(text)))
        return self.text(text, PAYLOAD.name, place_of_event(name))

    def end_of_child(self, name: str, end: Any) -> Any:
        """Return how a child has ended, of the event of this name."""
        child = self._of(name.removeprefix(CHILD_EVENT))
        output, error = child.value(end["output"], "output"), child.error(end["error"])
        self.failed = self.failed or child.failed
        return {**end, "output": output, "error": error}

    def beat(self, beat: Any, run_id: UUID) -> Any:
        """Return a heartbeat, as a run's row shows it."""
        if beat is None:
            return None
        own = self._of(run_id)
        told = {name: own.value(beat[name], name, BEAT) for name in BEAT_FIELDS if name in beat}
        self.failed = self.failed or own.failed
        return {**beat, **told}

    def _of(self, owner: UUID | str) -> "Opener":
        return Opener(owner, decrypt=self._decrypt, raises=self._raises)


def _tells_of_child(kind: HistoryKind, name: str) -> bool:
    return kind == HistoryKind.EVENT_RECEIVED and name.startswith(CHILD_EVENT)


def payload_codec() -> PayloadCodec | None:
    """Return the codec in force; None: values are kept as they are."""
    return conf().payload_codec


def sealer(owner: UUID | str) -> Sealer | None:
    """Return what seals the values of an owner; None: they are kept as they are."""
    codec = payload_codec()
    return Sealer(codec, owner) if codec is not None and codec.writes else None


def place_of_line(position: int | None, part: int) -> str:
    """Return the place of a line; that of one about the run itself is the run's row, whose values it
    copies."""
    return OF_RUN if position is None else f"{position}.{part % RETRY}"


def place_of_event(name: str) -> str:
    """Return the place of an event that nobody has consumed."""
    return f"event.{name}"


def place_of_chunk(attempt: int, sequence: int) -> str:
    """Return the place of what a step emitted, by the run's attempt: as its cursor says."""
    return f"chunk.{attempt}.{sequence}"


def owner_of_schedule(name: str) -> str:
    """Return what the input of a schedule is bound to."""
    return f"schedule {name}"


def sealed_fact(owner: UUID, fact: Fact) -> str:
    """Return the data of a line about to be written, as JSON text."""
    sealing = sealer(owner)
    if sealing is None or fact.data == "{}":
        return fact.data
    place = place_of_line(fact.position, fact.part)
    return as_text(sealing.line(fact.kind, fact.name, place, loads(fact.data)))


def sealed_text(owner: UUID | str, field: str, text: str | None, place: str = OF_RUN) -> str | None:
    """Return a value about to be written to a column, as JSON text."""
    sealing = sealer(owner)
    if sealing is None or text is None or text == "{}":
        return text
    return sealing.text(text, field, place)


def sealed_error(owner: UUID, text: str | None) -> str | None:
    """Return a Failure about to be written to a column, as JSON text."""
    sealing = sealer(owner)
    return text if sealing is None or text is None else as_text(sealing.error(loads(text)))


def sealed_input(owner: UUID, input: Input) -> Input:
    """Return the input of a run about to be created."""
    given, left_out = (
        sealed_text(owner, name, text)
        for name, text in zip(("input", "defaults"), input, strict=True)
    )
    return Input(given or "{}", left_out or "{}")


def opened_input(owner: UUID, given: str, defaults: str) -> Input:
    """Return the input of a run as it was given. Raises PayloadUnreadable."""
    opener = Opener(owner)
    found = Input(opener.text(given, "input"), opener.text(defaults, "defaults"))
    opener.strict()
    return found


def opened_run(run: ClaimedRun, opener: Opener) -> ClaimedRun:
    """Return a claimed run as the drive reads it; the opener says whether it could be opened."""
    texts = (run.input, run.defaults, run.data, run.baggage, run.heartbeat or "", run.error or "")
    if not any(IN_TEXT in each for each in texts):
        return run
    beat = None if run.heartbeat is None else opener.beat(loads(run.heartbeat), run.id)
    # It is written again when the run has undone its steps, and not read before.
    undoes = run.state == RunState.COMPENSATING and run.error is not None
    error = opener.error(loads(run.error or "null")) if undoes else None
    if opener.failed is not None:
        beat = None
    return replace(
        run,
        input=opener.text(run.input, "input"),
        defaults=opener.text(run.defaults, "defaults"),
        data=opener.text(run.data, "data"),
        baggage=opener.text(run.baggage, "baggage"),
        heartbeat=None if beat is None else dumps(beat),
        error=run.error if error is None else dumps(error),
    )


def opened_outcome(outcome: Mapping[str, Any], owner: UUID) -> dict[str, Any]:
    """Return how an archived run has ended, opened as far as this process can."""
    opener = Opener(owner)
    told = dict(outcome)
    told |= {name: opener.value(told[name], name) for name in WHOLE_COLUMNS if name in told}
    return told | {name: opener.error(told[name]) for name in ERROR_COLUMNS if name in told}


def opened_row(row: Mapping[str, Any], opener: Opener) -> dict[str, Any]:
    """Return the columns of a run, opened."""
    told = dict(row)
    for name in WHOLE_COLUMNS:
        told[name] = opener.value(row[name], name)
    for name in ERROR_COLUMNS:
        told[name] = opener.error(row[name])
    told["heartbeat"] = opener.beat(row["heartbeat"], row["id"])
    return told
