"""Every kind of line: what is built is what is stored, and what is stored is what is read."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from workflows.core import event_lines, lines, update_lines
from workflows.core.codec import loads
from workflows.core.failure import Failure
from workflows.core.history import UNDO, HistoryEntry, HistoryKind
from workflows.core.line_fields import FIELDS, Field, sql_data
from workflows.core.lines import Received, StepFailure
from workflows.core.run import Fact
from workflows.core.sender import Sender
from workflows.core.states import RunState

ROOT = Path(__file__).resolve().parents[3]
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ERROR = Failure(type="OSError", message="no “box”", traceback="…", kind="system")
TOLD = json.dumps(ERROR)
CHILD = UUID(int=7)
ISO = "2026-01-01T12:00:00+00:00"
MOMENT = f"'{ISO}'::text"
FAILED = StepFailure(error=ERROR, attempts=3, permanent=False)
ATTEMPT: dict[str, Any] = {
    "attempt": 1,
    "attempts": 3,
    "error": ERROR,
    "heartbeat": '{"at": 5}',
    "seconds": 0.25,
}
GIVEN = Received(arguments={"box": "0123"}, own_keys=True)
NOTED: dict[str, Any] = {"arguments": {"box": "0123"}, "own_keys": True}
_ = HistoryKind

STEPS = '\'[{"name": "pack"}]\'::jsonb'
ASKED = {"by": "'alice'::text", "reason": "'enough'::text", "via": "'admin'::text"}
WHO = {"by": "alice", "reason": "enough", "via": "admin"}
LINES: list[tuple[Fact | HistoryKind, dict[str, str], dict[str, Any]]] = [
    (
        lines.step_completed(1, "pack", '{"box": 1.0}', GIVEN, seconds=0.0123456789),
        {},
        {"output": {"box": 1.0}, "seconds": 0.012346, **NOTED},
    ),
    (
        lines.step_completed(1, "unpack", "null", seconds=0.5, undo=True),
        {},
        {"output": None, "seconds": 0.5},
    ),
    (lines.step_started(1, "pack", GIVEN), {}, NOTED),
    (
        lines.step_failed(1, "pack", FAILED, GIVEN, seconds=0.5),
        {},
        {"error": ERROR, "attempts": 3, "permanent": False, "seconds": 0.5, **NOTED},
    ),
    (
        lines.attempt_failed(1, 1, "pack", **ATTEMPT, received=GIVEN),
        {"retry_at": MOMENT},
        {
            "attempt": 1,
            "attempts": 3,
            "error": ERROR,
            "permanent": False,
            "seconds": 0.25,
            "heartbeat": {"at": 5},
            "retry_at": ISO,
            **NOTED,
        },
    ),
    (
        lines.attempt_failed(
            1, UNDO + 1, "u", attempt=2, attempts=2, error=ERROR, seconds=1, permanent=True
        ),
        {},
        {"attempt": 2, "attempts": 2, "error": ERROR, "permanent": True, "seconds": 1},
    ),
    (lines.wait_started(1, ["go", "no"]), {"until": MOMENT}, {"names": ["go", "no"], "until": ISO}),
    (
        lines.event_received(1, ["stop", "go"], "go", '"é"'),
        {},
        {"names": ["go", "stop"], "payload": "é"},
    ),
    (
        lines.event_received(1, ["go"], "go", "1", Sender("alice", "acme", CHILD)),
        {},
        {"names": ["go"], "payload": 1, "by": "alice", "tenant": "acme", "run": str(CHILD)},
    ),
    (
        event_lines.event_sent(1, "go", CHILD, {"payload": "0123"}),
        {},
        {"run": str(CHILD), "arguments": {"payload": "0123"}},
    ),
    (
        event_lines.event_refused(1, "go", ERROR, {"payload": "0123"}),
        {},
        {"error": ERROR, "arguments": {"payload": "0123"}},
    ),
    (lines.wait_timed_out(1, ["go"]), {}, {"names": ["go"]}),
    (lines.sleep_started(1), {"until": MOMENT}, {"until": ISO}),
    (lines.sleep_ended(1), {}, {}),
    (lines.status_set(1, "Packing"), {}, {}),
    (lines.group_started(1, ["b", "a"]), {}, {"names": ["b", "a"], "own_keys": True}),
    (
        lines.child_started(1, "ship", CHILD, detached=True),
        {},
        {"run": str(CHILD), "detached": True},
    ),
    (lines.patch_taken(1, "check-twice"), {}, {}),
    (
        update_lines.update_received(1, "address", '"é"', 7),
        {},
        {"payload": "é", "event": 7},
    ),
    (
        update_lines.update_answered(1, "address", output='"done"'),
        {},
        {"output": "done"},
    ),
    (
        _.RECOVERED,
        {"worker": "5", "crashes": "2", "reason": "'gone'::text", "steps": STEPS}
        | {"company": "7", "attempt": "3"},
        {"worker": 5, "crashes": 2, "reason": "gone", "steps": [{"name": "pack"}]}
        | {"company": 7, "attempt": 3},
    ),
    (
        _.BLOCKED,
        {"error": f"'{TOLD}'::jsonb", "steps": STEPS},
        {"error": ERROR, "steps": [{"name": "pack"}]},
    ),
    (
        _.COMPENSATION_STARTED,
        ASKED | {"error": f"'{TOLD}'::jsonb", "again": "true"},
        WHO | {"error": ERROR, "again": True},
    ),
    (
        lines.code_awaited("check-twice", "position 1 differs"),
        {"until": MOMENT},
        {"problem": "position 1 differs", "until": ISO},
    ),
    (_.WOKEN, ASKED, WHO),
    (_.PAUSED, ASKED, WHO),
    (_.RESUMED, ASKED, WHO),
    (
        _.FORKED,
        ASKED
        | {"run": f"'{CHILD}'::uuid", "before": "2", "created_at": MOMENT}
        | {"inputs": "'[\"who\"]'::jsonb"},
        WHO | {"run": str(CHILD), "before": 2, "created_at": ISO, "inputs": ["who"]},
    ),
    (
        _.RETRIED,
        ASKED | {"positions": "'[2, 3]'::jsonb"},
        WHO | {"positions": [2, 3]},
    ),
    (
        _.CHILDREN_KEPT,
        {"children": f'\'[["{CHILD}", "tests.child"]]\'::jsonb'},
        {"children": [[str(CHILD), "tests.child"]]},
    ),
    (_.CANCEL_REQUESTED, ASKED, WHO),
    (lines.run_ended(RunState.COMPLETED), {}, {}),
    (lines.run_ended(RunState.FAILED, TOLD), {}, {"error": ERROR}),
    (lines.run_ended(RunState.CANCELLED), {}, {}),
    (lines.run_ended(RunState.COMPENSATED), {}, {}),
    (
        _.CONTINUED,
        {"run": f"'{CHILD}'::uuid", "data": "'{\"a\": 1}'::jsonb", "attributes": "'{}'::jsonb"},
        {"run": str(CHILD), "data": {"a": 1}, "attributes": {}},
    ),
    (lines.cleanup_set(1, "release", GIVEN), {}, NOTED),
    (_.UNKNOWN, {}, {}),
]
"""What is built, what SQL adds or makes alone, and what is stored: the same as ever, since older
releases read it and kept histories have it."""
NAMED = [
    pytest.param(*each, id=each[0].kind if isinstance(each[0], Fact) else each[0]) for each in LINES
]


def stored(built: Fact | HistoryKind, sql: dict[str, str]) -> HistoryEntry:
    """Return the line as PostgreSQL gives it back."""
    kind = built.kind if isinstance(built, Fact) else built
    data = built.data if isinstance(built, Fact) else "{}"
    made = sql_data(kind, **sql) if sql else "'{}'::jsonb"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT (%s::jsonb || {made})::text", [data])
        text = cursor.fetchone()[0]
    name = built.name if isinstance(built, Fact) else ""
    return HistoryEntry(id=1, position=1, part=0, kind=kind, name=name, data=loads(text), at=NOON)


def test_the_table_has_every_kind_and_every_field() -> None:
    told = {built.kind if isinstance(built, Fact) else built: set(data) for built, _, data in LINES}
    told[HistoryKind.UPDATE_ANSWERED] |= {"error"}  # in the place of the output
    told[HistoryKind.COMPENSATION_ATTEMPT_FAILED] = told[HistoryKind.ATTEMPT_FAILED] - NOTED.keys()

    assert told == {kind: {field.name for field in FIELDS[kind]} for kind in HistoryKind}


@pytest.mark.django_db
@pytest.mark.parametrize(("built", "sql", "data"), NAMED)
def test_a_line_is_stored_as_ever_and_each_field_is_read_back(
    built: Fact | HistoryKind, sql: dict[str, str], data: dict[str, Any]
) -> None:
    entry = stored(built, sql)

    assert entry.data == data
    for field in FIELDS[entry.kind]:
        assert field.find(entry) == expected(field, data)
        if data.get(field.name) is not None:
            assert field.of(entry) == expected(field, data)


def expected(field: Field[Any], data: dict[str, Any]) -> Any:
    return NOON if data.get(field.name) == ISO else data.get(field.name)
