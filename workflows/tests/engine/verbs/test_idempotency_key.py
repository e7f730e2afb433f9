"""The key that workflow code hands out: one for each step and branch, whatever stands between."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock
from uuid import UUID

import pytest

from workflows.api import (
    Context,
    RunState,
    current_step,
    get_run,
    step,
    workflow,
)
from workflows.core.history import HistoryEntry, HistoryKind
from workflows.core.idempotency_key import step_key
from workflows.models import History, Run
from workflows.store import history as history_store
from workflows.testing import advance, crash_everywhere, send
from workflows.tests.builders import driven
from workflows.tests.flows import ONCE

pytestmark = pytest.mark.django_db

charged: list[str] = []
"""The keys that a payment provider has seen; it merges those that are equal."""
fails_at_first: set[str] = set()


@pytest.fixture(autouse=True)
def _nothing_charged() -> None:
    charged.clear()
    fails_at_first.clear()


@step
def charge(name: str, key: str) -> str:
    info = current_step()
    assert info is not None
    assert type(key) is str
    charged.append(key)
    if name in fails_at_first and info.attempt == 1:
        raise ConnectionError("away")
    assert key == info.idempotency_key or name == "by the old rule"
    return key


def refund(output: str, name: str, key: str) -> None:
    charged.append(f"refund {key}")


@step(compensate=refund)
def charge_or_refund(name: str, key: str) -> str:
    charged.append(key)
    return name


@step
def charge_each(payments: list[dict[str, str]]) -> list[str]:
    return [payment["key"] for payment in payments]


@step(retry=ONCE)
def refuse() -> None:
    raise ValueError("no")


@workflow("tests.keys.gather")
def charging_at_once(run: Context, names: list[str]) -> list[str]:
    return run.gather(*[run.call(charge, name, key=run.idempotency_key) for name in names])


@workflow("tests.keys.one_for_all")
def charging_with_one_key(run: Context, names: list[str]) -> list[str]:
    key = run.idempotency_key
    return run.gather(*[run.call(charge, name, key=key) for name in names])


@workflow("tests.keys.graph")
def charging_by_a_graph(run: Context) -> str:
    first = run.call(charge, "first", key=run.idempotency_key)
    then = run.call(charge, run.output("first"), run.idempotency_key)
    return run.graph({"first": first, "then": then}).of(then)


@workflow("tests.keys.between")
def charging_later(run: Context) -> str:
    key = run.idempotency_key
    run.uuid()
    run.set_status("paying")
    return run.step(charge, "ann", key=key)


@workflow("tests.keys.twice")
def charging_twice(run: Context) -> None:
    key = run.idempotency_key
    run.step(charge, "ann", key)
    run.step(charge, "bob", key)


@workflow("tests.keys.deep")
def charging_deep(run: Context) -> list[str]:
    payments = [{"key": run.idempotency_key}, {"key": run.idempotency_key}]
    return run.step(charge_each, payments)


@workflow("tests.keys.joined")
def charging_joined(run: Context) -> None:
    run.step(charge, "ann", key="-".join(["shop", run.idempotency_key]))


@workflow("tests.keys.undone", on_failure="compensate")
def charging_and_undoing(run: Context) -> None:
    calls = [run.call(charge_or_refund, name, run.idempotency_key) for name in "ab"]
    run.gather(*calls)
    run.step(refuse)


@workflow("tests.keys.elsewhere")
def showing_the_key(run: Context) -> list[Any]:
    key = run.idempotency_key
    run.data["key"] = key
    run.set_status(key)
    first = run.step(charge, "ann", run.idempotency_key)
    return [key, first]


@workflow("tests.keys.child")
def child_with_a_key(run: Context, payment: str) -> str:
    return payment


@workflow("tests.keys.parent")
def parent_with_keys(run: Context) -> list[str]:
    return run.map([run.child(child_with_a_key, payment=run.idempotency_key) for _ in "ab"])


def keys_of(run_id: UUID, *positions: int) -> list[str]:
    return [step_key(run_id, position) for position in positions]


def test_each_branch_of_a_gather_has_a_key_of_its_own() -> None:
    run = driven(charging_at_once, names=["ann", "bob", "cy"])

    assert run.output == charged == keys_of(run.id, 2, 3, 4)


def test_each_branch_keeps_its_key_at_its_next_attempt() -> None:
    fails_at_first.update(["ann", "cy"])

    run = driven(charging_at_once, names=["ann", "bob", "cy"])
    advance(seconds=60)

    assert sorted(charged) == sorted(keys_of(run.id, 2, 3, 4, 2, 4))
    assert get_run(run.id).output == keys_of(run.id, 2, 3, 4)


def test_each_branch_of_a_graph_has_a_key_of_its_own() -> None:
    run = driven(charging_by_a_graph)

    assert charged == keys_of(run.id, 2, 3)


def test_what_stands_between_the_key_and_its_step_does_not_change_it() -> None:
    run = driven(charging_later)

    assert run.output == f"{run.id}:3"


def test_at_any_depth_of_the_arguments_it_is_the_key_of_the_step() -> None:
    run = driven(charging_deep)

    assert run.output == keys_of(run.id, 1, 1)


def test_a_key_is_for_one_step() -> None:
    run = driven(charging_twice)

    assert (run.state, charged) == (RunState.BLOCKED, keys_of(run.id, 1))
    assert "read it anew for each step" in (run.error or {})["message"]


def test_one_key_for_all_branches_is_refused_before_any_runs() -> None:
    run = driven(charging_with_one_key, names=["ann", "bob"])

    assert (run.state, charged) == (RunState.BLOCKED, [])


def test_a_text_made_of_it_is_refused() -> None:
    run = driven(charging_joined)

    assert (run.state, charged) == (RunState.BLOCKED, [])
    assert "hand run.idempotency_key to a step as it is" in (run.error or {})["message"]


def test_a_branch_is_undone_with_the_key_it_was_given() -> None:
    run = driven(charging_and_undoing)

    first, second = keys_of(run.id, 2, 3)
    assert run.state == RunState.COMPENSATED
    assert charged == [first, second, f"refund {second}", f"refund {first}"]


def test_where_no_step_receives_it_it_is_what_it_always_was() -> None:
    run = driven(showing_the_key)

    assert run.output == keys_of(run.id, 1, 2)
    assert (run.data, run.status) == ({"key": f"{run.id}:1"}, f"{run.id}:1")


def test_each_child_of_a_map_has_a_key_of_its_own() -> None:
    run = driven(parent_with_keys)

    assert run.output == keys_of(run.id, 1, 2)


@contextmanager
def an_older_history() -> Iterator[None]:
    """Let the lines that a drive reads be those of a release before keys belonged to steps."""
    load = history_store.load_history

    def without_the_rule(run_id: UUID, *more: Any) -> list[HistoryEntry]:
        return [
            replace(
                line,
                data={
                    name: line.data[name] for name in line.data.keys() - {"own_keys", "arguments"}
                },
            )
            for line in load(run_id, *more)
        ]

    with mock.patch.object(history_store, "load_history", without_the_rule):
        yield


@pytest.mark.parametrize("flow", [charging_at_once, charging_with_one_key])
def test_a_gather_that_is_under_way_keeps_its_one_key_for_all(flow: Any) -> None:
    """Or a deploy would charge again, by another key, what the provider has seen."""
    old = "by the old rule"
    fails_at_first.add(old)
    run = driven(charging_at_once, names=[old, old])
    Run.objects.filter(pk=run.id).update(workflow=flow.workflow_definition.name)
    charged.clear()

    with an_older_history():
        advance(seconds=60)

    assert charged == keys_of(run.id, 1, 1)
    assert get_run(run.id).state == RunState.COMPLETED


def test_a_step_that_is_under_way_keeps_its_key() -> None:
    fails_at_first.add("ann")
    run = driven(charging_later)
    [failed] = History.objects.filter(run_id=run.id, kind=HistoryKind.ATTEMPT_FAILED)
    assert failed.position == 3
    charged.clear()

    with an_older_history():
        advance(seconds=60)

    assert charged[0] == step_key(run.id, 1)


def test_killed_anywhere_each_step_is_charged_by_its_own_key() -> None:
    def play() -> None:
        fails_at_first.add("bob")
        driven(charging_at_once, names=["ann", "bob"])
        driven(charging_later)
        driven(charging_and_undoing)
        advance(seconds=60)

    report = crash_everywhere(play, at_least_once=lambda: set(charged), pairs=5)

    assert report.boundaries > 30


@workflow("tests.keys.one_for_children")
def parent_with_one_key(run: Context, again: bool = False) -> list[str]:
    key = run.idempotency_key
    children = [run.start_child(child_with_a_key, payment=key)]
    run.wait_event("go")
    children.append(run.start_child(child_with_a_key, payment=key))
    return [child.result() for child in children]


def test_a_parent_that_is_under_way_may_give_its_key_to_another_child() -> None:
    """By the old rule it could, and nothing of a child's line tells by which rule it began."""
    run = driven(parent_with_one_key)

    send(run, "go")
    advance(seconds=60)

    assert get_run(run.id).state == RunState.COMPLETED
