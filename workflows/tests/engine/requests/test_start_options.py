"""What a start says of its run beside the input."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection

from workflows.api import (
    Context,
    DefinitionError,
    InvalidInput,
    RunState,
    get_run,
    list_runs,
    start,
    workflow,
)
from workflows.models import Run
from workflows.store.sweep import sweep
from workflows.testing import advance, crash_everywhere, drive_until_idle
from workflows.tests.builders import expire_lease, started_and_claimed
from workflows.tests.engine.forms import doubled
from workflows.tests.registering import own_workflows

pytestmark = pytest.mark.django_db


@workflow("options.named", tags=["night", "export"], owner="billing", max_crashes=1)
def named(run: Context, count: int = 0) -> int:
    """Counts once more, and ends."""
    if count == 0:
        run.start_child(doubled, 7).result()
        run.continue_as_new(count=1)
    return count


@workflow("options.keeps")
def keeps(run: Context) -> dict[str, Any]:
    before = dict(run.attributes)
    run.attributes["seen"] = True
    run.sleep(5)
    return before


@workflow("options.takes_owner")
def takes_owner(run: Context, owner: str, subject: int) -> str:
    return owner * subject


@workflow("options.bill")
def bill(run: Context, due: date, amounts: list[Decimal]) -> str:
    return f"{sum(amounts)} by {due:%d.%m.}"


def test_a_run_with_a_time_is_not_driven_before() -> None:
    at = datetime.now(UTC) + timedelta(hours=1)
    run = start(doubled, 7, at=at)
    other = start.using(at=at, deadline_seconds=60)(doubled, 7)

    drive_until_idle()
    before = get_run(run.id).state
    advance(seconds=3600)
    drive_until_idle()

    assert (run.wake_at, before) == (at, RunState.PENDING)
    assert get_run(run.id).state == RunState.COMPLETED
    assert other.deadline == at + timedelta(seconds=60)


def test_a_time_that_has_passed_is_now() -> None:
    run = start(doubled, 7, at=datetime(2000, 1, 1, tzinfo=UTC))

    assert run.wake_at is not None and run.wake_at >= run.created_at - timedelta(seconds=1)


def test_owner_tags_and_subject_are_kept_and_told() -> None:
    group = Group.objects.create(name="makers")

    run = start.using(owner="ann", tags=["b", "a"], subject=group)(doubled, 7)
    same = start(doubled, 7, owner="ann", tags={"a", "b"}, subject=f"auth.group:{group.pk}")

    assert (run.owner, run.tags, run.subject) == ("ann", ("a", "b"), f"auth.group:{group.pk}")
    assert (same.owner, same.tags, same.subject) == (run.owner, run.tags, run.subject)
    assert get_run(run.id) == run


def test_a_workflow_names_its_runs_and_a_start_adds_to_it() -> None:
    usual, own = start(named), start(named, owner="ann", tags=["urgent"])

    assert (usual.owner, usual.tags) == ("billing", ("export", "night"))
    assert (own.owner, own.tags) == ("ann", ("export", "night", "urgent"))
    assert named.workflow_definition.description == "Counts once more, and ends."


def test_a_continued_run_keeps_them_and_a_child_has_its_parents_owner() -> None:
    first = start(named, owner="ann", tags=["urgent"], subject="order 7")
    drive_until_idle()

    [newest] = [run for run in list_runs(workflow=named) if run.id != first.id]
    [child] = list_runs(workflow=doubled)

    assert (newest.owner, newest.tags, newest.subject) == (first.owner, first.tags, first.subject)
    assert newest.output == 1
    assert (child.owner, child.tags, child.subject) == ("ann", (), "")


def test_the_code_begins_with_the_attributes_of_the_start() -> None:
    run = start.using(attributes={"table": "orders"})(keeps)
    found = list_runs(attributes={"table": "orders"})
    drive_until_idle()
    advance(seconds=6)
    drive_until_idle()

    assert (run.attributes, [each.id for each in found]) == ({"table": "orders"}, [run.id])
    assert get_run(run.id).output == {"table": "orders"}
    assert get_run(run.id).attributes == {"table": "orders", "seen": True}


def test_killed_anywhere_the_code_begins_with_the_attributes_of_the_start() -> None:
    def play() -> None:
        start(keeps, attributes={"table": "orders"}, tags=["a"])
        advance(seconds=6)

    report = crash_everywhere(play)

    assert report.boundaries > 5


def test_a_parameter_of_an_options_name_is_the_input() -> None:
    run = start(takes_owner, owner="ann", subject=2)
    both = start.using(owner="bob", subject="x")(takes_owner, "ann", 2)

    assert (run.input, run.owner, run.subject) == ({"owner": "ann", "subject": 2}, "", "")
    assert (both.input, both.owner, both.subject) == (run.input, "bob", "x")


def test_input_may_be_json() -> None:
    text = '{"due": "2026-01-31", "amounts": ["9.90", "0.10"]}'

    run, named_by_text = (
        start(bill, input_json=text),
        start("options.bill", input_json=text, key="k"),
    )
    drive_until_idle()

    assert get_run(run.id).output == get_run(named_by_text.id).output == "10.00 by 31.01."


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"input_json": '{"due": "soon", "amounts": ["9.90", "x"]}'}, "amounts.1: .*; due: "),
        ({"input_json": {"due": "2026-01-31"}}, "missing a required argument: 'amounts'"),
        ({"input_json": {"due": "2026-01-31", "amounts": [], "to": 1}}, "unexpected.* 'to'"),
        ({"input_json": "{}", "due": date.min}, "input_json or the parameters, not both"),
    ],
)
def test_json_that_does_not_fit_is_refused_by_name(given: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidInput, match=f"input of 'options.bill': .*{why}"):
        start(bill, **given)

    assert not Run.objects.exists()


@pytest.mark.parametrize(
    "option",
    [
        {"at": datetime(2030, 1, 1)},  # noqa: DTZ001 - naive on purpose
        {"at": "tomorrow"},
        {"subject": 7},
        {"owner": 7},
        {"tags": "night"},
        {"attributes": [1]},
        {"attributes": {"a": object()}},
    ],
)
def test_an_option_that_cannot_be_is_refused(option: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=next(iter(option))):
        start(doubled, 7, **option)

    assert not Run.objects.exists()


@pytest.mark.parametrize(
    "option",
    [{"max_crashes": 0}, {"max_crashes": True}, {"tags": "x"}, {"owner": 7}, {"description": 7}],
)
def test_a_workflow_that_names_itself_wrongly_is_refused(option: dict[str, Any]) -> None:
    with own_workflows(), pytest.raises(DefinitionError, match=r"options\.wrong"):
        workflow("options.wrong", **option)(lambda run: None)


def test_the_workflows_max_crashes_counts_before_the_setting() -> None:
    run, other = started_and_claimed(named), started_and_claimed(doubled, number=7)
    for each in (run, other):
        expire_lease(each.id)

    sweep(connection.connection, max_crashes=5, longest_pause_seconds=0)

    assert get_run(run.id).state == RunState.BLOCKED
    assert get_run(other.id).state == RunState.PENDING
