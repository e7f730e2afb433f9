"""Steps get copies, and so does the code: nobody changes what another sees, live or at a replay."""

import threading
from typing import Any
from uuid import UUID

import pytest

from workflows.api import Context, RunState, cancel, get_run, send_event, start, step, workflow
from workflows.testing import crash_everywhere, drive_until_idle, send
from workflows.tests.builders import driven
from workflows.tests.flows import ONCE, notes

pytestmark = pytest.mark.django_db


@step
def fill(items: list[str]) -> None:
    items.append("desk")


@step
def offers() -> dict[str, Any]:
    return {"items": {"list": ["chair"]}}


def unreserve(output: dict[str, Any], order: dict[str, Any], *, note: list[str]) -> None:
    notes.note(f"unreserve {output['made']} {order['items']} {note}")


@step(compensate=unreserve)
def reserve(order: dict[str, Any], *, note: list[str]) -> dict[str, Any]:
    items = list(order["items"])
    order.clear()
    note.append("by the step")
    return {"made": items}


@step(atomic=True)
def cancel_own(run_id: UUID) -> None:
    cancel(run_id)


@step(retry=ONCE)
def refuse() -> None:
    raise ValueError("no")


@step
def hold(lock: Any) -> bool:
    return bool(lock.locked())


@workflow("tests.copies.fill")
def filling(run: Context, items: list[str], wait: bool = False) -> int:
    run.step(fill, items)
    if wait:
        run.wait_event("go")
    return len(items)


@workflow("tests.copies.undo", on_failure="compensate", on_cancel="compensate")
def reserving(run: Context, order: dict[str, Any], how: str) -> None:
    note: list[str] = []
    if how == "gather":
        [made] = run.gather(run.call(reserve, order, note=note), on_error="compensate")
    else:
        made = run.step(reserve, order, note=note)
    order.pop("items")
    made["made"].clear()
    note.append("by the code")
    if how == "cancel":
        run.step(cancel_own, run.run_id)
    run.step(refuse)


@workflow("tests.copies.results", on_cancel="compensate")
def popping(run: Context, options: list[str] = ["a"]) -> list[str]:  # noqa: B006
    found = run.step(offers)
    seen = list(found["items"]["list"]) + options
    found["items"]["list"].pop()
    options.append("b")
    payload = run.wait_event("go")
    seen += payload.pop("deep")
    run.step(cancel_own, run.run_id)
    return seen


@workflow("tests.copies.calls")
def calling(run: Context) -> list[int]:
    names: list[str] = []
    calls = []
    for name in "abc":
        names.append(name)
        calls.append(run.call(count, names))
    return list(run.gather(*calls))


@step
def count(names: list[str]) -> int:
    return len(names)


@workflow("tests.copies.lock")
def locking(run: Context) -> bool:
    lock = threading.Lock()
    with lock:
        return run.step(hold, lock)


def test_a_step_that_changes_its_arguments_changes_a_copy() -> None:
    run = driven(filling, items=["chair"], wait=True)
    send(run, "go")

    assert driven(filling, items=["chair"]).output == get_run(run.id).output == 1


@pytest.mark.parametrize("how", ["fail", "cancel", "gather"])
def test_a_step_is_undone_with_what_it_was_given_and_returned(how: str) -> None:
    run = driven(reserving, order={"items": "chair,desk"}, how=how)

    assert run.state == RunState.COMPENSATED
    assert notes.done == [f"unreserve {list('chair,desk')} chair,desk []"]


def test_code_that_is_retraced_in_the_same_drive_gets_what_it_got_at_first() -> None:
    run = start(popping)
    send_event(run.id, "go", {"deep": ["c"]})
    drive_until_idle()

    assert (get_run(run.id).state, get_run(run.id).error) == (RunState.COMPENSATED, None)
    assert get_run(start(popping).id).input == {"options": ["a"]}


def test_each_call_of_a_gather_has_what_it_was_given() -> None:
    assert driven(calling).output == [1, 2, 3]


def test_a_lock_is_handed_on_as_it_is() -> None:
    assert driven(locking).output is True


def test_killed_anywhere_a_step_is_undone_with_what_it_was_given() -> None:
    def play() -> None:
        notes.done.clear()
        for how in ("fail", "gather"):
            driven(reserving, order={"items": "chair"}, how=how)

    report = crash_everywhere(play, at_least_once=lambda: notes.done, pairs=5)

    assert report.boundaries > 15
