"""Every kind of line: what is built is what is stored, and what is stored is what is read."""

import ast
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from workflows.core import lines
from workflows.core.codec import loads
from workflows.core.failure import Failure
from workflows.core.history import UNDO, HistoryEntry, HistoryKind
from workflows.core.line_fields import FIELDS, Field, sql_data, time_field
from workflows.core.lines import ChildEnd, StepFailure
from workflows.core.run import Fact
from workflows.core.states import RunState

ROOT = Path(__file__).resolve().parents[3]
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ERROR = Failure(type="OSError", message="no “box”", traceback="…")
TOLD = json.dumps(ERROR)
CHILD = UUID(int=7)
ISO = "2026-01-01T12:00:00+00:00"
MOMENT = f"'{ISO}'::text"
FAILED = StepFailure(error=ERROR, attempts=3, permanent=False)
ATTEMPT: dict[str, Any] = {"attempt": 1, "attempts": 3, "error": ERROR, "heartbeat": '{"at": 5}'}
_ = HistoryKind

LINES: list[tuple[Fact | HistoryKind, dict[str, str], dict[str, Any]]] = [
    (lines.step_completed(1, "pack", '{"box": 1.0}'), {}, {"output": {"box": 1.0}}),
    (lines.step_completed(1, "unpack", "null", undo=True), {}, {"output": None}),
    (lines.step_started(1, "pack"), {}, {}),
    (lines.step_failed(1, "pack", FAILED), {}, {"error": ERROR, "attempts": 3, "permanent": False}),
    (
        lines.attempt_failed(1, 1, "pack", **ATTEMPT),
        {"retry_at": MOMENT},
        {
            "attempt": 1,
            "attempts": 3,
            "error": ERROR,
            "permanent": False,
            "heartbeat": {"at": 5},
            "retry_at": ISO,
        },
    ),
    (
        lines.attempt_failed(1, UNDO + 1, "u", attempt=2, attempts=2, error=ERROR, permanent=True),
        {},
        {"attempt": 2, "attempts": 2, "error": ERROR, "permanent": True},
    ),
    (lines.wait_started(1, ["go", "no"]), {"until": MOMENT}, {"names": ["go", "no"], "until": ISO}),
    (
        lines.event_received(1, ["stop", "go"], "go", '"é"'),
        {},
        {"names": ["go", "stop"], "payload": "é"},
    ),
    (lines.wait_timed_out(1, ["go"]), {}, {"names": ["go"]}),
    (lines.sleep_started(1), {"until": MOMENT}, {"until": ISO}),
    (lines.sleep_ended(1), {}, {}),
    (lines.status_set(1, "Packing"), {}, {}),
    (lines.group_started(1, ["b", "a"]), {}, {"names": ["b", "a"]}),
    (
        lines.child_started(1, "ship", CHILD, detached=True),
        {},
        {"run": str(CHILD), "detached": True},
    ),
    (lines.patch_taken(1, "check-twice"), {}, {}),
    (_.RECOVERED, {"worker": "5", "crashes": "2"}, {"worker": 5, "crashes": 2}),
    (_.BLOCKED, {"error": f"'{TOLD}'::jsonb"}, {"error": ERROR}),
    (
        _.COMPENSATION_STARTED,
        {"by": "'alice'::text", "error": f"'{TOLD}'::jsonb"},
        {"by": "alice", "error": ERROR},
    ),
    (
        lines.code_awaited("check-twice", "position 1 differs"),
        {"until": MOMENT},
        {"problem": "position 1 differs", "until": ISO},
    ),
    (_.WOKEN, {"by": "'alice'::text"}, {"by": "alice"}),
    (
        _.CANCEL_REQUESTED,
        {"by": "'alice'::text", "reason": "'enough'::text"},
        {"by": "alice", "reason": "enough"},
    ),
    (lines.run_ended(RunState.COMPLETED), {}, {}),
    (lines.run_ended(RunState.FAILED, TOLD), {}, {"error": ERROR}),
    (lines.run_ended(RunState.CANCELLED), {}, {}),
    (lines.run_ended(RunState.COMPENSATED), {}, {}),
    (_.CONTINUED, {"run": f"'{CHILD}'::uuid"}, {"run": str(CHILD)}),
    (_.UNKNOWN, {}, {}),
]
"""What is built, what SQL adds or makes alone, and what is stored: the same as ever, since older
releases read it and kept histories have it."""
NAMED = [
    pytest.param(*each, id=each[0].kind if isinstance(each[0], Fact) else each[0]) for each in LINES
]

OTHER_DATA = {
    "admin.py": "shows a line whole, as get_history gives it to anybody",
    "core/line_fields.py": "reads it",
    "engine/session/session.py": "run.data",
    "engine/verbs/context.py": "run.data",
    "store": "moves a line whole between row and value; columns of the run",
    "testing/outcomes.py": "the run's column",
}
"""Files in which something is called data, and why that is no line that they read."""


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
    told[HistoryKind.COMPENSATION_ATTEMPT_FAILED] = told[HistoryKind.ATTEMPT_FAILED]

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


def test_sql_names_no_field_that_the_kind_has_not() -> None:
    with pytest.raises(ValueError, match="woken has no field reason, who"):
        sql_data(HistoryKind.WOKEN, by="''", who="''", reason="''")


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        (_.WAIT_STARTED, "until"),
        (_.SLEEP_STARTED, "until"),
        (_.ATTEMPT_FAILED, "retry_at"),
        (_.COMPENSATION_ATTEMPT_FAILED, "retry_at"),
    ],
)
def test_a_park_tells_its_time_where_its_line_has_one(kind: HistoryKind, field: str) -> None:
    assert time_field(kind) == field


def test_a_failure_for_good_is_the_same_error_live_and_read() -> None:
    fact = lines.step_failed(1, "pack", FAILED)
    entry = line(fact)

    assert lines.step_failure(entry) == FAILED
    assert str(FAILED.raised("pack")) == "step 'pack' failed after 3 attempts: OSError: no “box”"


def test_a_compensation_that_was_given_up_tells_its_last_attempt() -> None:
    given = {**ATTEMPT, "attempt": 2, "permanent": True}
    entry = line(lines.attempt_failed(1, UNDO + 1, "unpack", **given))

    assert lines.step_failure(entry) == StepFailure(error=ERROR, attempts=2, permanent=True)


def test_the_end_of_a_child_is_told_by_an_event_of_its_name() -> None:
    name = f"{lines.CHILD_EVENT}{CHILD}"
    payload = json.dumps({"state": "failed", "output": None, "error": ERROR})

    ended = line(lines.event_received(1, [name], name, payload))
    other = line(lines.event_received(1, ["go"], "go", payload))

    assert lines.ended_child(ended) == CHILD
    assert lines.child_end(ended) == ChildEnd(RunState.FAILED, None, ERROR)
    assert lines.ended_child(other) is None


def line(fact: Fact) -> HistoryEntry:
    return HistoryEntry(
        id=1,
        position=fact.position,
        part=fact.part,
        kind=fact.kind,
        name=fact.name,
        data=loads(fact.data),
        at=NOON,
    )


def production() -> Iterator[tuple[str, ast.AST]]:
    """Yield every node of the engine's own code with its file."""
    for path in sorted((ROOT / "workflows").rglob("*.py")):
        name = path.relative_to(ROOT / "workflows").as_posix()
        if not name.startswith(("tests/", "migrations/")):
            yield from ((name, node) for node in ast.walk(ast.parse(path.read_text())))


def test_only_the_builders_make_lines_and_only_the_fields_read_them() -> None:
    may_make = {
        "Fact": {"core/lines.py"},
        "HistoryEntry": {"store/history.py", "engine/history_export.py"},
    }
    wrong = [
        f"{name}:{node.lineno} makes a {node.func.id}"
        for name, node in production()
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and name not in may_make.get(node.func.id, {name})
    ] + [
        f"{name}:{node.lineno} reads data"
        for name, node in production()
        if isinstance(node, ast.Attribute)
        and node.attr == "data"
        and not {name, name.split("/")[0]} & OTHER_DATA.keys()
    ]

    assert wrong == []
