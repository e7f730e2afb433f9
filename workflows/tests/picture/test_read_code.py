"""Statements of workflow code, as parts of an outline."""

from workflows.api import Context, load_outline, workflow
from workflows.picture.parts import Branch, Guarded, Helper, Leave, LeaveKind, Loop
from workflows.tests.picture.drawn_flows import dynamic, pack, parcel, weigh


@workflow("tests.read_computing")
def computing(run: Context, numbers: list[int]) -> int:
    total = 0
    for each in numbers:
        total += each if each > 0 else 0
    try:
        total = total // len(numbers)
    except ZeroDivisionError:
        total = 0
    with open("nothing"):
        run.step(pack)
    return total


@workflow("tests.read_first")
def first_only(run: Context) -> object:
    return run.step(pack)
    return run.step(weigh)


def test_what_only_computes_is_left_out() -> None:
    body = load_outline(computing).body

    assert [type(part).__name__ for part in body] == ["Act", "Leave"]


def test_what_follows_a_return_is_left_out() -> None:
    assert len(load_outline(first_only).body) == 2


def test_helpers_branches_tries_and_loops_keep_their_shape() -> None:
    body = load_outline(parcel).body

    assert [type(part) for part in body[3:]] == [Branch, Guarded, Loop, Leave]
    guarded, loop = body[4], body[5]
    assert isinstance(guarded, Guarded)
    assert isinstance(guarded.body[0], Helper)
    assert [arm.label for arm in guarded.handlers] == ["StepFailed"]
    assert isinstance(loop, Loop)
    assert (loop.condition, loop.endless) == ("for each in told", False)


def test_a_match_has_a_way_for_each_case() -> None:
    match = load_outline(dynamic).body[-3]

    assert isinstance(match, Branch)
    assert match.told == "match kind"
    assert [arm.label for arm in match.arms] == ["'a' if (weighed := run.step(weigh))", "'b'", "_"]
    anew = match.arms[1].body[-1]
    assert isinstance(anew, Leave)
    assert anew.kind == LeaveKind.ANEW
