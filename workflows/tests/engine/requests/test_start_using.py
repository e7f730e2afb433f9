"""start with its options in `using`, and input by place: what the older spelling does."""

from typing import Any

import pytest

from workflows.api import (
    Context,
    InvalidInput,
    KeyConflict,
    RunState,
    Workflow,
    get_run,
    list_runs,
    start,
    workflow,
)
from workflows.testing import advance, drive_until_idle
from workflows.tests.engine.forms import doubled, keywords

pytestmark = pytest.mark.django_db


@workflow("using.own_deadline")
def own_deadline(run: Context, deadline_seconds: int) -> int:
    return deadline_seconds


@workflow("using.own_priority")
def own_priority(run: Context, priority: str) -> str:
    return priority


@workflow("using.own_tenant")
def own_tenant(run: Context, tenant: str) -> str:
    return tenant


def test_start_using_a_key_is_idempotent() -> None:
    begin = start.using(key="seven")

    first = begin(doubled, number=7)

    assert begin(doubled, number=7).id == first.id == start(doubled, key="seven", number=7).id
    assert first.key == "seven"
    with pytest.raises(KeyConflict):
        begin(doubled, number=8)


def test_start_using_a_deadline_has_it() -> None:
    run = start.using(deadline_seconds=60)(doubled, 7, seconds=3600)
    drive_until_idle()

    advance(seconds=61)

    assert get_run(run.id).state == RunState.FAILED


def test_a_run_has_the_priority_it_was_started_with() -> None:
    usual, urgent = start(doubled, 7), start(doubled, 7, priority=9)
    by_name = start("forms.doubled", 7, priority=-9)
    again = [start(doubled, 7, key="k", priority=each) for each in (1, 2)]

    assert [run.priority for run in (usual, urgent, by_name, *again)] == [0, 9, -9, 1, 1]
    assert get_run(urgent.id).priority == 9
    assert start.using(priority=3)(doubled, 7).priority == 3


@pytest.mark.parametrize("priority", [10, -10, "high", None, 1.5])
def test_a_priority_that_there_is_not_is_refused(priority: Any) -> None:
    with pytest.raises(InvalidInput, match="give a whole number from -9 to 9"):
        start(doubled, 7, priority=priority)


def test_a_function_with_a_parameter_called_priority_is_given_it() -> None:
    run = start(own_priority, priority="air mail")
    both = start.using(priority=2)(own_priority, priority="air mail")

    assert (run.input, run.priority) == ({"priority": "air mail"}, 0)
    assert (both.input, both.priority) == ({"priority": "air mail"}, 2)


def test_a_run_has_the_tenant_it_was_started_for() -> None:
    nobodys, anns = start(doubled, 7), start(doubled, 7, tenant="ann")
    again = [start(doubled, 7, key="of a tenant", tenant=each) for each in ("bob", "cleo")]

    assert [run.tenant for run in (nobodys, anns, *again)] == ["", "ann", "bob", "bob"]
    assert get_run(anns.id).tenant == "ann"
    assert start.using(tenant="bob")(doubled, 7).tenant == "bob"
    assert [run.id for run in list_runs(tenant="ann")] == [anns.id]


@pytest.mark.parametrize("tenant", [7, None, "a" * 501])
def test_a_tenant_that_is_no_text_is_refused(tenant: Any) -> None:
    with pytest.raises(InvalidInput, match=r"start: tenant is .*; give a text"):
        start(doubled, 7, tenant=tenant)


def test_a_function_with_a_parameter_called_tenant_is_given_it() -> None:
    run = start(own_tenant, tenant="flat 3")
    both = start.using(tenant="ann")(own_tenant, tenant="flat 3")

    assert (run.input, run.tenant) == ({"tenant": "flat 3"}, "")
    assert (both.input, both.tenant) == ({"tenant": "flat 3"}, "ann")


def test_what_is_urgent_is_driven_first() -> None:
    driven = [start(doubled, 7, priority=each).id for each in (-1, 3, 0)]

    drive_until_idle()

    low, high, usual = (get_run(run_id).started_at for run_id in driven)
    assert None not in (low, high, usual)
    assert sorted([low, high, usual], key=str) == [high, usual, low]


def test_an_option_in_using_is_never_taken_for_input() -> None:
    run = start.using(deadline_seconds=60)(own_deadline, deadline_seconds=5)

    assert (run.input, run.deadline is None) == ({"deadline_seconds": 5}, False)


def test_input_may_be_given_by_place_and_is_kept_by_name() -> None:
    assert start(doubled, 7, seconds=1).input == {"number": 7, "seconds": 1}
    assert start("forms.doubled", 7).id != start.using(key="k")("forms.doubled", 7).id


@pytest.mark.parametrize(
    ("flow", "given", "named"),
    [(doubled, (1, 2, 3), {}), (doubled, (1,), {"number": 1}), (keywords, (1,), {})],
)
def test_what_cannot_be_given_by_place_is_refused(
    flow: Workflow[..., Any], given: tuple[Any, ...], named: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput, match="given by place do not fit"):
        start(flow, *given, **named)
