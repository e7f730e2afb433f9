"""The steps that workflow code names, in the order of its source."""

from types import SimpleNamespace
from typing import Any

import pytest

from workflows.api import Context, action, step, workflow
from workflows.definitions.workflow import workflow_definition
from workflows.source.plan import planned_steps
from workflows.tests import flows
from workflows.tests.flows import ONCE, greet_once


def unpack(output: object) -> None: ...


@step(retry=ONCE, compensate=unpack)
def pack() -> None: ...


@step
def weigh() -> None: ...


@action("plan_notify")
def notify() -> None: ...


class Shop:
    """Steps under names that only a run tells must not be asked for here."""

    packing = pack

    @property
    def told_by_a_run(self) -> Any:
        raise AssertionError("nobody may ask")


SHOP = Shop()
OTHERS = SimpleNamespace()
SEEN: list[object] = []
CONSTANT = 7


def twice(run: Context) -> None:
    run.step(pack)
    run.step(weigh)
    back_and_forth(run)


def back_and_forth(run: Context) -> None:
    run.step(weigh)
    twice(run)


@workflow("tests.plan_in_order")
def in_order(run: Context, light: bool) -> None:
    run.gather(run.call(weigh), run.call(pack)), run.step(weigh)
    run.step(pack if light else weigh)
    run.actions.plan_notify()


@workflow("tests.plan_by_helpers")
def by_helpers(run: Context) -> None:
    twice(run)


@workflow("tests.plan_by_dots")
def by_dots(run: Context) -> None:
    run.step(flows.greet, "Ann")
    run.step(Shop.packing)
    run.step(SHOP.told_by_a_run)
    run.step(OTHERS.nothing.here)


@workflow("tests.plan_of_other_calls")
def of_other_calls(run: Context) -> None:
    SEEN.append(pack)
    run.log.info(weigh)
    run.step()  # type: ignore[call-arg]
    run.step(CONSTANT)  # type: ignore[arg-type]
    run.actions.plan_unknown()
    OTHERS.deeds.plan_notify()
    len("text")
    greet_once(run, "Ann")


@pytest.mark.parametrize(
    ("function", "names"),
    [
        (in_order, ["weigh", "pack", "weigh", "pack", "weigh", "plan_notify"]),
        (by_helpers, ["pack", "weigh", "weigh"]),
        (by_dots, ["greet", "pack"]),
        (of_other_calls, []),
    ],
)
def test_the_code_names_its_steps_in_the_order_of_its_source(
    function: Any, names: list[str]
) -> None:
    planned = planned_steps(workflow_definition(function).function)

    assert [each.name for each in planned] == names


def test_what_can_be_undone_is_told() -> None:
    planned = planned_steps(workflow_definition(by_helpers).function)

    assert [each.undoable for each in planned] == [True, False, False]
