"""Calls on the run, as parts of an outline."""

from workflows.api import load_outline
from workflows.picture.parts import Act, ActKind, Branch, Group
from workflows.tests.picture.drawn_flows import dynamic, groups, parcel


def test_a_gather_has_a_lane_for_each_call() -> None:
    gather = load_outline(groups).body[0]

    assert isinstance(gather, Group)
    assert [lane.body for lane in gather.lanes] == [
        (Act(kind=ActKind.STEP, names=("pack",), line=line_of(gather), undo="unpack"),),
        (Act(kind=ActKind.STEP, names=("weigh",), line=line_of(gather), many=True),),
    ]


def test_a_graph_tells_what_waits_for_what() -> None:
    graph = load_outline(groups).body[1]

    assert isinstance(graph, Group)
    assert [(lane.name, lane.after) for lane in graph.lanes] == [
        ("a", ()),
        ("b", ("a",)),
        ("c", ("a", "b")),
    ]


def test_children_and_their_ends_are_told() -> None:
    mapped, started, ended, whichever = load_outline(groups).body[2:6]

    assert isinstance(mapped, Group)
    child = mapped.lanes[0].body[0]
    assert isinstance(child, Act)
    assert (child.kind, child.names, child.many) == (ActKind.CHILD, ("tests.drawn_child",), True)
    assert isinstance(started, Act)
    assert (started.kind, started.names) == (ActKind.CHILD, ("tests.drawn_child",))
    assert isinstance(ended, Act)
    assert (ended.kind, ended.names, ended.known) == (ActKind.WAIT, ("end of handle",), False)
    assert isinstance(whichever, Act)
    assert (whichever.names, whichever.detail) == (("stop", "end of handle"), "at most 5 s")


def test_names_of_a_list_in_the_module_are_read() -> None:
    wait = load_outline(parcel).body[2]

    assert isinstance(wait, Act)
    assert (wait.names, wait.detail) == (("yes", "no"), "at most 60 s")


def test_a_step_that_is_one_of_two_is_a_branch() -> None:
    first, second = load_outline(dynamic).body[1:3]

    assert isinstance(first, Branch)
    assert [arm.label for arm in first.arms] == ["kind == 'a'", "not kind == 'a'"]
    assert isinstance(second, Branch)
    assert [arm.label for arm in second.arms] == ["kind == 'b'", "not kind == 'b'"]


def line_of(group: Group) -> int:
    return group.line
