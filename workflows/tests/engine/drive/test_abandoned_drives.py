"""A drive abandoned at any statement: the next one ends the run as if nothing had happened.

A process is not killed here: the statement's connection is cut and the drive unwound at once, which
leaves the tables exactly as a kill would, and is fast enough to try every place.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock
from uuid import UUID

import psycopg
import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError, InterfaceError, connection
from hypothesis import HealthCheck, example, given, settings, strategies as st

from workflows.api import (
    Context,
    RunView,
    StepFailed,
    current_step,
    get_history,
    get_run,
    send_event,
    start,
    step,
    workflow,
)
from workflows.core.unwind import StoreFailed
from workflows.models import Run
from workflows.testing import drive_until_idle
from workflows.tests.builders import expire_lease, swept
from workflows.tests.flows import NOW

pytestmark = pytest.mark.usefixtures("committed")

_keys: dict[str, set[str]] = {}
"""The idempotency keys under which each plain step ran."""


class Crash(KeyboardInterrupt):
    """The end of the process, as far as the drive can tell."""


@step
def plain(mark: str) -> str:
    info = current_step()
    assert info is not None
    _keys.setdefault(mark, set()).add(info.idempotency_key)
    return mark


@step(atomic=True)
def atomic(mark: str) -> str:
    info = current_step()
    assert info is not None
    Group.objects.create(name=f"{info.run_id} {mark}")
    return mark


@step(atomic=True, retry=NOW)
def flaky(mark: str) -> str:
    info = current_step()
    assert info is not None
    Group.objects.create(name=f"{info.run_id} {mark}")
    if info.attempt < 2:
        raise ValueError("the first attempt fails")
    return mark


@step(retry=NOW)
def doomed(mark: str) -> str:
    raise ValueError(f"never {mark}")


STEPS = {each.__name__: each for each in (plain, atomic, flaky, doomed)}
KINDS = [*STEPS, "wait", "wait in vain", "sleep", "status", "uuid"]


@workflow("tests.program")
def program(run: Context, kinds: list[str]) -> list[Any]:
    seen: list[Any] = []
    for number, kind in enumerate(kinds):
        match kind:
            case "wait":
                seen.append(run.wait_event("go", timeout_seconds=3600))
            case "wait in vain":
                seen.append(run.wait_event("never", timeout_seconds=0))
            case "sleep":
                run.sleep(0)
            case "status":
                run.set_status(f"At {number}")
            case "uuid":
                assert run.uuid() != run.uuid()
            case _:
                try:
                    seen.append(run.step(STEPS[kind], str(number)))
                except StepFailed as failed:
                    seen.append([failed.message, failed.attempts])
    return seen


@contextmanager
def crash_at(number: int, *, after: bool) -> Iterator[list[int]]:
    """Cut the connection at the n-th statement or commit, before it is sent or after it is done."""
    count = [0]
    execute, commit = psycopg.Cursor.execute, psycopg.Connection.commit

    def crash() -> None:
        if connection.connection is not None:
            connection.connection.close()
        raise Crash

    def counted(act: Any, *args: Any, **kwargs: Any) -> Any:
        count[0] += 1
        if count[0] != number:
            return act(*args, **kwargs)
        if after:
            act(*args, **kwargs)
        return crash()

    with (
        mock.patch.object(psycopg.Cursor, "execute", lambda *a, **k: counted(execute, *a, **k)),
        mock.patch.object(psycopg.Connection, "commit", lambda *a: counted(commit, *a)),
    ):
        yield count


def drive_and_crash(number: int, *, after: bool) -> bool:
    """Drive what is due up to a crash. Returns whether it came to that."""
    with crash_at(number, after=after) as count:
        try:
            drive_until_idle()
        except (Crash, StoreFailed, DatabaseError, InterfaceError):
            assert count[0] >= number
        else:
            return False
    connection.close()
    connection.connect()
    return True


def recover() -> None:
    """Let the leases of the dead run out, and sweep."""
    for run_id in Run.objects.filter(state__in=["running", "cancelling"]).values_list("pk"):
        expire_lease(run_id[0])
    swept(max_crashes=1_000)


def prepared(kinds: list[str]) -> RunView:
    """Start a run whose events are there already."""
    view = start(program, kinds=kinds)
    for number in range(kinds.count("wait")):
        send_event(view.id, "go", number)
    return view


def story(run_id: UUID) -> tuple[Any, ...]:
    """Return everything about a run that must not depend on crashes."""
    timeless = []
    for entry in get_history(run_id):
        data = {k: v for k, v in entry.data.items() if k not in ("until", "retry_at", "seconds")}
        for error in [data.get("error", {})]:
            error.pop("traceback", None)
        if entry.kind != "recovered":
            timeless.append((entry.position, entry.part, entry.kind, entry.name, data))
    run = get_run(run_id)
    marks = Group.objects.filter(name__startswith=str(run_id)).values_list("name", flat=True)
    effects = sorted(mark.split()[1] for mark in marks)
    return run.state, run.output, run.status, timeless, effects


def undisturbed(kinds: list[str]) -> tuple[Any, ...]:
    view = prepared(kinds)
    drive_until_idle()
    assert get_run(view.id).is_over
    return story(view.id)


EVERYTHING = [
    "status",
    "plain",
    "uuid",
    "atomic",
    "wait",
    "flaky",
    "sleep",
    "doomed",
    "wait in vain",
]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_crash_at_any_single_statement_changes_nothing(after: bool) -> None:
    expected, number, crashed = undisturbed(EVERYTHING), 0, True

    while crashed:
        number += 1
        view = prepared(EVERYTHING)
        crashed = drive_and_crash(number, after=after)
        recover()
        drive_until_idle()
        assert story(view.id) == expected, f"crashed at statement {number}"

    assert number > 30


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kinds=st.lists(st.sampled_from(KINDS), max_size=6),
    crashes=st.lists(st.tuples(st.integers(1, 12), st.booleans()), min_size=1, max_size=4),
)
@example(kinds=["atomic", "flaky"], crashes=[(4, True), (5, True), (6, False)])
def test_any_program_ends_the_same_through_any_crashes(
    kinds: list[str], crashes: list[tuple[int, bool]]
) -> None:
    expected = undisturbed(kinds)
    _keys.clear()

    view = prepared(kinds)
    for number, after in crashes:
        drive_and_crash(number, after=after)
        recover()
    drive_until_idle()

    assert story(view.id) == expected
    assert all(len(keys) == 1 for keys in _keys.values())
