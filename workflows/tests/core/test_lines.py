"""What is built of a line is what is read of it, and nobody else builds or reads one."""

import ast
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from workflows.core import lines
from workflows.core.codec import loads
from workflows.core.failure import Failure
from workflows.core.history import UNDO, HistoryEntry
from workflows.core.lines import ChildEnd, StepFailure
from workflows.core.run import Fact
from workflows.core.states import RunState

ROOT = Path(__file__).resolve().parents[3]
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ERROR = Failure(type="OSError", message="no “box”", traceback="…", kind="system")
CHILD = UUID(int=7)
FAILED = StepFailure(error=ERROR, attempts=3, permanent=False)
ATTEMPT: dict[str, Any] = {"attempt": 2, "attempts": 3, "error": ERROR, "seconds": 0.5}

OTHER_DATA = {
    "command_line/reading.py": "prints a line whole, as get_history gives it to anybody",
    "console/filter_form.py": "what a form was sent",
    "admin.py": "shows a line whole, as get_history gives it to anybody",
    "core/line_fields.py": "reads it",
    "core/notes.py": "run.data",
    "engine/debugging/prompt.py": "run.data",
    "engine/requests/result.py": "run.data",
    "engine/session/drive_memory.py": "run.data",
    "engine/session/session.py": "run.data",
    "engine/verbs/context.py": "run.data",
    "store": "moves a line whole between row and value; columns of the run",
    "testing/outcomes.py": "the run's column",
}
"""Files in which something is called data, and why that is no line that they read."""


def test_a_failure_for_good_is_the_same_error_live_and_read() -> None:
    fact = lines.step_failed(1, "pack", FAILED, seconds=0.5)
    entry = line(fact)

    assert lines.step_failure(entry) == FAILED
    assert str(FAILED.raised("pack")) == "step 'pack' failed after 3 attempts: OSError: no “box”"


def test_a_compensation_that_was_given_up_tells_its_last_attempt() -> None:
    given = {**ATTEMPT, "attempt": 2, "permanent": True}
    entry = line(lines.attempt_failed(1, UNDO + 1, "unpack", **given))

    assert lines.step_failure(entry) == StepFailure(error=ERROR, attempts=2, permanent=True)


def test_a_line_tells_when_its_attempt_began_and_one_of_an_older_release_does_not() -> None:
    done = line(lines.step_completed(1, "pack", "1", seconds=90.0))
    begun = line(lines.step_started(1, "pack"))
    del (older := line(lines.step_completed(1, "pack", "1", seconds=90.0))).data["seconds"]

    assert lines.attempt_began(done) == NOON - timedelta(seconds=90)
    assert lines.attempt_began(begun) == NOON
    assert lines.attempt_began(older) is None


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
        "Fact": {"core/event_lines.py", "core/lines.py", "core/update_lines.py"},
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


def test_sql_names_no_field_by_itself() -> None:
    wrong = [
        f"{name}:{node.lineno} {found[0]}"
        for name, node in production()
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and (found := re.findall(r"jsonb_build_object\(\s*'\w+'", node.value))
    ]

    assert wrong == []
