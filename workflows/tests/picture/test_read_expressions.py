"""Expressions of workflow code, and the functions that they call."""

from dataclasses import dataclass

from workflows.api import Context, load_outline, workflow
from workflows.picture.budget import MOST_ACTS
from workflows.picture.parts import Act, Branch, Helper, acts
from workflows.tests.picture.drawn_flows import dynamic, pack, weigh
from workflows.tests.picture.told import told_acts


@dataclass
class Shop:
    """Has the run in an attribute."""

    run: Context

    def pay(self) -> str:
        return self.run.step(pack)


@workflow("tests.read_methods")
def methods(run: Context) -> None:
    shop = Shop(run)
    shop.pay()
    str(run)
    str(shop.run.step(weigh))


def doubled(run: Context, depth: int) -> None:
    run.step(pack)
    tripled(run, depth)
    tripled(run, depth)


def tripled(run: Context, depth: int) -> None:
    run.step(weigh)
    doubled(run, depth - 1)


@workflow("tests.read_circle")
def circle(run: Context) -> None:
    doubled(run, 3)


@workflow("tests.read_many")
def many(run: Context) -> None:
    many_1(run)


def many_0(run: Context) -> None:
    run.step(pack)
    run.step(pack)
    run.step(pack)


def many_1(run: Context) -> None:
    for _ in range(2):
        many_2(run)
    for _ in range(3):
        many_2(run)
    while True:
        many_2(run)
        if str(run):
            break
    many_2(run)
    many_2(run)


def many_2(run: Context) -> None:
    for _ in range(2):
        many_3(run)
    for _ in range(3):
        many_3(run)
    while True:
        many_3(run)
        if str(run):
            break
    many_3(run)
    many_3(run)


def many_3(run: Context) -> None:
    for _ in range(2):
        many_0(run)
    for _ in range(3):
        many_0(run)
    while True:
        many_0(run)
        if str(run):
            break
    many_0(run)
    many_0(run)


def test_a_method_that_has_the_run_is_followed() -> None:
    assert told_acts(load_outline(methods).body) == [
        "unknown Shop(run)?",
        "step pack",
        "step weigh",
    ]


def test_helpers_in_a_circle_end() -> None:
    assert told_acts(load_outline(circle).body)[:3] == [
        "step pack",
        "step weigh",
        "unknown doubled(run, depth - 1)?",
    ]


def test_helpers_without_end_are_followed_for_so_long() -> None:
    told = list(acts(load_outline(many).body))

    assert MOST_ACTS / 2 < len(told) < MOST_ACTS + 60
    assert told[-1].known is False


def test_a_condition_in_an_expression_is_a_branch() -> None:
    body = load_outline(dynamic).body
    branch = body[-2]

    assert isinstance(branch, Branch)
    assert branch.told == "if kind"
    assert [arm.label for arm in branch.arms] == ["yes", "no"]


def test_a_function_inside_the_workflow_is_a_helper() -> None:
    match = load_outline(dynamic).body[-3]

    assert isinstance(match, Branch)
    act, helper = match.arms[0].body
    assert isinstance(act, Act)
    assert isinstance(helper, Helper)
    assert helper.name == "local"
