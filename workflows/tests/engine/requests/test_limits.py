"""Limits are seen and changed while runs go on."""

from typing import Any

import pytest

from workflows.api import (
    Context,
    Limit,
    Rate,
    get_run,
    list_limits,
    set_limit,
    start,
    step,
    workflow,
)
from workflows.core.errors import InvalidInput
from workflows.models import LimitSlot
from workflows.testing import advance, drive_until_idle, send

pytestmark = pytest.mark.django_db
begun: list[str] = []


def held(name: str) -> int:
    return LimitSlot.objects.filter(name=name, run_id__isnull=False).count()


@workflow("asked.guarded", concurrency=Limit(2, name="asked runs"))
def guarded(run: Context) -> None:
    run.wait_event("go")


@step(rate=Rate(1, per_seconds=10, name="asked bell"))
def ring(who: str) -> None:
    begun.append(who)


@workflow("asked.bell")
def bell(run: Context, who: str) -> None:
    run.step(ring, who)


@pytest.fixture(autouse=True)
def nothing_begun() -> None:
    begun.clear()


def test_a_limit_is_raised_while_runs_wait() -> None:
    runs = [start(guarded) for _ in range(4)]
    drive_until_idle()

    shown = set_limit("asked runs", 3)
    assert get_run(runs[3].id).waiting_for == ("limit asked runs: 2 of 3",)
    drive_until_idle()

    assert (shown.rule, shown.is_set) == (Limit(3, name="asked runs"), True)
    assert (shown.taken, shown.waiting) == (2, 2)
    assert [get_run(run.id).waiting_for[0] for run in runs] == [
        "go",
        "go",
        "go",
        "limit asked runs: 2 of 3",  # when the limit was set
    ]


def test_a_lower_limit_holds_once_enough_have_ended() -> None:
    runs = [start(guarded) for _ in range(3)]
    drive_until_idle()
    set_limit("asked runs", 1)

    send(runs[0].id, "go")
    assert held("asked runs") == 1
    send(runs[1].id, "go")

    assert held("asked runs") == 1
    assert get_run(runs[2].id).waiting_for == ("go",)
    assert set_limit("asked runs").rule == Limit(2, name="asked runs")


def test_a_rate_is_changed_while_it_is_in_use() -> None:
    set_limit("asked bell", times=1, per_seconds=2)
    for who in ("ann", "bob"):
        start(bell, who=who)

    drive_until_idle()
    advance(3)

    assert begun == ["ann", "bob"]


@pytest.mark.parametrize(
    ("name", "given", "told"),
    [
        ("nothing", {"most": 1}, "there is no limit 'nothing'"),
        ("asked bell", {"most": 1}, "give times= and per_seconds="),
        ("asked runs", {"times": 1}, "give most="),
        ("asked bell", {"times": 5}, "give times= and per_seconds="),
        ("asked bell", {"per_seconds": 60}, "give times= and per_seconds="),
        ("asked runs", {"most": 5, "per_seconds": 60}, "give most="),
        ("asked runs", {"most": "5"}, "give most="),
        ("asked runs", {"most": 0}, "give a whole number from 1"),
        ("asked bell", {"times": 1, "per_seconds": 0}, "give seconds above 0"),
    ],
)
def test_what_is_no_limit_cannot_be_set(name: str, given: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        set_limit(name, **given)


def test_limits_are_listed_with_what_is_in_use() -> None:
    for _ in range(3):
        start(guarded)
    drive_until_idle()

    [found] = [each for each in list_limits() if each.name == "asked runs"]

    assert (found.taken, found.waiting, found.is_set) == (2, 1, False)
    assert found.rule.words == "2 at once"
