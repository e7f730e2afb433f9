"""Make the graph of an outline.

A body is entered by loose ends, edges that have no target yet, and gives back those that leave it.
"""

import functools
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from workflows.picture.graph import Edge, Graph, Node, NodeKind
from workflows.picture.parts import (
    Act,
    ActKind,
    Branch,
    Group,
    Guarded,
    Helper,
    Lane,
    Leave,
    LeaveKind,
    Loop,
    Outline,
    Part,
)


@dataclass(frozen=True)
class Loose:
    """An edge without a target."""

    source: str
    label: str = ""
    fails: bool = False


Ends = list[Loose]


@dataclass
class _Around:
    """Where leaving leads to; None: out of the workflow."""

    returned: Ends | None = None
    broken: Ends | None = None
    again: Ends | None = None
    failed: Ends | None = None
    within: tuple[str, ...] = field(default=())
    group: str = ""


@functools.lru_cache(maxsize=256)
def graph_of(outline: Outline) -> Graph:
    """Return the graph of an outline. What the code never comes to is left out."""
    maker = _Maker()
    start = maker.node(NodeKind.START, "start", 0, [], _Around())
    ends = maker.body(outline.body, [Loose(start.id)], _Around())
    ends += maker.ended
    if ends:
        maker.node(NodeKind.END, "end", 0, ends, _Around())
    edges = tuple(dict.fromkeys(maker.edges))
    following: dict[str, list[Edge]] = {node.id: [] for node in maker.nodes}
    for edge in edges:
        following[edge.source].append(edge)
    return Graph(
        workflow=outline.workflow,
        version=outline.version,
        nodes=tuple(maker.nodes),
        edges=edges,
        following={name: tuple(each) for name, each in following.items()},
    )


class _Maker:
    """Collects nodes and edges."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.edges: list[Edge] = []
        self.ended: Ends = []
        """What returns nothing that is worth a node of its own."""
        self._status = ""

    def node(
        self, kind: str, label: str, line: int, ends: Ends, around: _Around, act: Act | None = None
    ) -> Node:
        """Add a node that these ends lead to."""
        name = f"n{len(self.nodes)}"
        found = Node(
            id=name,
            kind=kind,
            label=label,
            line=line,
            act=act,
            within=around.within,
            group=around.group,
            status=self._status if act is not None else "",
        )
        if act is not None:
            self._status = ""
        self.nodes.append(found)
        self._join(ends, name)
        return found

    def _join(self, ends: Ends, target: str) -> None:
        self.edges += [
            Edge(source=end.source, target=target, label=end.label, fails=end.fails) for end in ends
        ]

    def body(self, parts: Iterable[Part], ends: Ends, around: _Around) -> Ends:
        """Add a body; return the ends that leave it at its bottom."""
        for part in parts:
            if not ends:
                return []
            ends = self._part(part, ends, around)
        return ends

    def _part(self, part: Part, ends: Ends, around: _Around) -> Ends:
        match part:
            case Act():
                return self._act(part, ends, around)
            case Branch():
                return self._branch(part, ends, around)
            case Loop():
                return self._loop(part, ends, around)
            case Group():
                return self._group(part, ends, around)
            case Guarded():
                return self._guarded(part, ends, around)
            case Helper():
                returned: Ends = []
                inner = _Around(
                    returned=returned,
                    failed=around.failed,
                    within=(*around.within, part.name),
                    group=around.group,
                )
                return self.body(part.body, ends, inner) + returned
            case Leave():
                self._leave(part, ends, around)
                return []

    def _act(self, act: Act, ends: Ends, around: _Around) -> Ends:
        if act.kind == ActKind.STATUS:
            self._status = act.names[0]
            return ends
        node = self.node(act.kind, _label(act), act.line, ends, around, act)
        if act.kind == ActKind.UPDATE:
            self.body(
                act.body, [Loose(node.id, "on update")], replace(around, returned=[], failed=[])
            )
        elif around.failed is not None and act.kind in _MAY_FAIL:
            around.failed.append(Loose(node.id, "fails", fails=True))
        return [Loose(node.id)]

    def _branch(self, branch: Branch, ends: Ends, around: _Around) -> Ends:
        node = self.node(NodeKind.DECISION, branch.told, branch.line, ends, around)
        left: Ends = []
        for arm in branch.arms:
            left += self.body(arm.body, [Loose(node.id, arm.label)], around)
        return left

    def _loop(self, loop: Loop, ends: Ends, around: _Around) -> Ends:
        node = self.node(NodeKind.LOOP, loop.condition, loop.line, ends, around)
        broken: Ends = []
        again: Ends = []
        inner = replace(around, broken=broken, again=again)
        again += self.body(loop.body, [Loose(node.id, "each")], inner)
        self._join(again, node.id)
        done = [] if loop.endless else [Loose(node.id, "done")]
        return self.body(loop.otherwise, done, around) + broken

    def _group(self, group: Group, ends: Ends, around: _Around) -> Ends:
        node = self.node(NodeKind.GROUP, f"{group.kind}: at once", group.line, ends, around)
        inner = replace(around, group=node.id)
        names = {lane.name for lane in group.lanes if lane.name}
        awaited = {name for lane in group.lanes for name in lane.after}
        left: dict[int, Ends] = {}
        for place, lane in _in_turn(group):
            after = [name for name in lane.after if name in names]
            entered = [
                end
                for other, found in left.items()
                if group.lanes[other].name in after
                for end in found
            ]
            left[place] = self.body(lane.body, entered or [Loose(node.id)], inner)
        return [
            end
            for place, found in left.items()
            if group.lanes[place].name not in awaited
            for end in found
        ] or [Loose(node.id)]

    def _guarded(self, guarded: Guarded, ends: Ends, around: _Around) -> Ends:
        failed: Ends = []
        returned: Ends | None = [] if guarded.last else around.returned
        caught = replace(around, failed=failed if guarded.handlers else around.failed)
        inner = replace(caught, returned=returned)
        left = self.body(guarded.body, ends, inner)
        left = self.body(guarded.otherwise, left, replace(around, returned=returned))
        for handler in guarded.handlers if failed else ():
            told = f"except {handler.label}"
            node = self.node(NodeKind.EXCEPT, told, guarded.line, list(failed), around)
            left += self.body(handler.body, [Loose(node.id)], replace(around, returned=returned))
        if not guarded.last:
            return left
        last = self.body(guarded.last, left + (returned or []), around)
        if returned and not left:  # all ways out of it return
            self._leave(Leave(kind=LeaveKind.RETURN, text="", line=guarded.line), last, around)
            return []
        return last

    def _leave(self, leave: Leave, ends: Ends, around: _Around) -> None:
        where = {
            LeaveKind.RETURN: around.returned,
            LeaveKind.RAISE: around.failed,
            LeaveKind.BREAK: around.broken,
            LeaveKind.CONTINUE: around.again,
            LeaveKind.ANEW: None,
        }[leave.kind]
        if where is not None:
            fails = leave.kind == LeaveKind.RAISE
            where += [replace(end, fails=end.fails or fails) for end in ends]
        elif leave.kind == LeaveKind.RETURN and not leave.text:
            self.ended += ends
        else:
            kind, label = _LEFT[leave.kind]
            self.node(kind, f"{label} {leave.text}".strip(), leave.line, ends, around)


_MAY_FAIL = {ActKind.STEP, ActKind.CHILD, ActKind.SEND, ActKind.WAIT, ActKind.UNKNOWN}
_LEFT = {
    LeaveKind.RETURN: (NodeKind.END, "returns"),
    LeaveKind.RAISE: (NodeKind.ERROR, "raises"),
    LeaveKind.ANEW: (NodeKind.ANEW, "goes on as a new run"),
    LeaveKind.BREAK: (NodeKind.END, "end"),
    LeaveKind.CONTINUE: (NodeKind.END, "end"),
}


def _label(act: Act) -> str:
    told = " or ".join(act.names) or act.kind
    if act.kind == ActKind.SLEEP:
        return "sleep"
    return f"each {told}" if act.many else told


def _in_turn(group: Group) -> list[tuple[int, Lane]]:
    """Return lanes with their places, each after those that it waits for; a circle as it is written."""
    left = dict(enumerate(group.lanes))
    found: list[tuple[int, Lane]] = []
    while left:
        waited_for = {lane.name for lane in left.values()}
        ready = [
            place for place, lane in left.items() if waited_for.isdisjoint(lane.after)
        ] or list(left)
        found += [(place, left.pop(place)) for place in ready]
    return found
