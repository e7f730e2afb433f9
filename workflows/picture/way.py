"""The way that a run has gone through the graph of its workflow.

History has positions and names, the graph has places of the code. The graph is taken for an automaton
that reads the operations of the run, where several places may have the same name: all ways that fit are
followed at once, the shortest to each place is kept, and the shortest of all in the end (Viterbi 1967).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from workflows.core.lines import CHILD_EVENT
from workflows.picture.graph import Edge, Graph, Node, NodeKind
from workflows.picture.operations import Operation
from workflows.picture.parts import END_OF, Act, ActKind, GroupKind

MOST_OPERATIONS = 5_000
"""The last ones of a run; a picture shows of a loop the last time anyway."""
_STAY, _UNKNOWN, _ASIDE, _JUMP, _LOST = 2, 3, 20, 21, 40
"""What it costs, in edges: to do one more of a list, to do something in an unknown step, to do something beside the way (an update's handler), to go on at a place that
no edge leads to, and to have no place for it."""
_READS = {
    ActKind.STEP: "step",
    ActKind.WAIT: "wait",
    ActKind.SLEEP: "sleep",
    ActKind.CHILD: "child",
    ActKind.SEND: "send",
    ActKind.CLEANUP: "on_end",
}
_ENDS = (NodeKind.END, NodeKind.ANEW)


@dataclass(frozen=True)
class Way:
    """places: the positions of each node, in order; edges: those that were gone."""

    places: dict[str, list[int]]
    edges: frozenset[tuple[str, str]]


@dataclass(frozen=True)
class _Trail:
    """How a place was come to."""

    cost: int = 0
    failed: bool = False
    before: "_Trail | None" = None
    edges: tuple[Edge, ...] = ()
    marks: tuple[tuple[str, int], ...] = ()


@dataclass
class _Walker:
    """Follows all ways that fit."""

    graph: Graph
    nodes: dict[str, Node] = field(default_factory=dict)
    reached: dict[tuple[str, bool], dict[str, tuple[Edge, ...]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.nodes = {node.id: node for node in self.graph.nodes}

    def reach(self, start: str, *, failed: bool) -> dict[str, tuple[Edge, ...]]:
        """Return what may come next: each node that reads something, or ends the run, by the
        shortest way there."""
        known = self.reached.get((start, failed))
        if known is None:
            known = self.reached[start, failed] = self._reach(start, failed=failed)
        return known

    def _reach(self, start: str, *, failed: bool) -> dict[str, tuple[Edge, ...]]:
        leaving = self.graph.following.get(start, ())
        first = [edge for edge in leaving if edge.fails == failed]
        if self.nodes[start].kind not in _MAY_FAIL or (failed and not first):
            first = list(leaving)
        ways: dict[str, tuple[Edge, ...]] = {}
        queue: list[tuple[Edge, ...]] = [(edge,) for edge in first]
        for way in queue:
            node = self.nodes[way[-1].target]
            if node.id in ways:
                continue
            ways[node.id] = way
            if not is_read(node) or node.kind == ActKind.UNKNOWN:
                queue += [(*way, edge) for edge in self.graph.following[node.id]]
        return ways

    def step(self, states: dict[str, _Trail], operation: Operation) -> dict[str, _Trail]:
        """Return the places after one more operation."""
        found: dict[str, _Trail] = {}
        mark = operation.position
        for start, trail in states.items():
            here = self.nodes[start]
            if stays(here, operation):
                cost = trail.cost + (_UNKNOWN if here.kind == ActKind.UNKNOWN else _STAY)
                _keep(found, start, _Trail(cost, False, trail, (), ((start, mark),)))
            for target, way in self.reach(start, failed=trail.failed).items():
                node = self.nodes[target]
                if fits(node, operation):
                    more = _UNKNOWN if node.kind == ActKind.UNKNOWN else 0
                    cost, failed = trail.cost + len(way) + more, operation.failed
                    _keep(found, target, _Trail(cost, failed, trail, way, ((target, mark),)))
        return found or self._astray(states, operation)

    def _astray(self, states: dict[str, _Trail], operation: Operation) -> dict[str, _Trail]:
        found: dict[str, _Trail] = {}
        places = [node.id for node in self.graph.nodes if fits(node, operation)]
        for start, trail in states.items():
            if not places:
                _keep(found, start, _Trail(trail.cost + _LOST, trail.failed, trail))
            for place in places:
                marks = ((place, operation.position),)
                aside = _Trail(trail.cost + _ASIDE, trail.failed, trail, (), marks)
                _keep(found, start, aside)
                jump = _Trail(trail.cost + _JUMP, operation.failed, trail, (), marks)
                _keep(found, place, jump)
        return found

    def group(self, states: dict[str, _Trail], members: Sequence[Operation]) -> dict[str, _Trail]:
        """Return the places after the steps of a gather or graph, which all are gone to."""
        found: dict[str, _Trail] = {}
        for start, trail in states.items():
            lanes = [node for node in self.graph.nodes if node.group == start and is_read(node)]
            marks = tuple(_placed(lanes, members))
            gone = dict.fromkeys(place for place, _ in marks)
            edges = tuple(
                edge
                for source in (start, *gone)
                for target, way in self.reach(source, failed=False).items()
                if target in gone
                for edge in way
            )
            for place in gone or [start]:
                _keep(found, place, _Trail(trail.cost + len(gone), False, trail, edges, marks))
        return found


_MAY_FAIL = frozenset(ActKind)


def way_of(graph: Graph, operations: Sequence[Operation], *, ended: bool) -> Way:
    """Return the way of a run. ended: it has returned, so that the way goes on to an end."""
    walker = _Walker(graph)
    states = {graph.nodes[0].id: _Trail()}
    left = list(operations[-MOST_OPERATIONS:])
    while left:
        operation = left.pop(0)
        states = walker.step(states, operation)
        if operation.kind == "group":
            many = len(operation.names)
            last = operation.position + many
            members = [each for each in left if each.position <= last]
            left = left[len(members) :]
            states = walker.group(states, members)
    place, trail = min(states.items(), key=lambda each: each[1].cost)
    if ended:
        trail = _to_the_end(walker, place, trail)
    return _told(trail)


def is_read(node: Node) -> bool:
    """Whether a run that comes there leaves an operation in its history."""
    if node.kind == NodeKind.GROUP:
        return not node.label.startswith(GroupKind.MAP)
    return node.kind in _READS or node.kind == ActKind.UNKNOWN


def fits(node: Node, operation: Operation) -> bool:
    """Whether an operation may be that of a node."""
    act = node.act
    if node.kind == ActKind.UNKNOWN:
        return operation.kind != "group"
    if act is None:
        return is_read(node) and operation.kind == "group"
    if _READS.get(act.kind) != operation.kind:
        return False
    if operation.kind == "sleep" or (not act.known and operation.kind != "wait"):
        return True
    if operation.kind == "wait":
        return _may_wait(act, operation)
    return operation.names[0] in act.names


def _may_wait(act: Act, operation: Operation) -> bool:
    """Whether the wait of an act may be for these events; of a child, the act knows no name."""
    asked = set(operation.names)
    if act.known:
        return asked <= {*act.names}
    only_ends = all(name.startswith(END_OF) for name in act.names)
    return not only_ends or any(name.startswith(CHILD_EVENT) for name in asked)


def stays(node: Node, operation: Operation) -> bool:
    """Whether an operation may be one more of the node where the run is: of a list, or unknown."""
    if node.kind == ActKind.UNKNOWN:
        return operation.kind != "group"
    if node.act is None or not node.act.many:
        return False
    ends_child = operation.kind == "wait" and operation.names[0].startswith(CHILD_EVENT)
    return fits(node, operation) or (node.kind == ActKind.CHILD and ends_child)


def _keep(found: dict[str, _Trail], place: str, trail: _Trail) -> None:
    known = found.get(place)
    if known is None or trail.cost < known.cost:
        found[place] = trail


def _placed(lanes: list[Node], members: Iterable[Operation]) -> Iterable[tuple[str, int]]:
    """Yield a place for each step of a group: by their names, in turn."""
    free = list(lanes)
    for member in members:
        fitting = [node for node in free if fits(node, member)] or [
            node for node in lanes if fits(node, member)
        ]
        if fitting:
            yield fitting[0].id, member.position
            if fitting[0] in free and not (fitting[0].act and fitting[0].act.many):
                free.remove(fitting[0])


def _to_the_end(walker: _Walker, place: str, trail: _Trail) -> _Trail:
    ways = walker.reach(place, failed=trail.failed)
    ends = [way for name, way in ways.items() if walker.nodes[name].kind in _ENDS]
    return _Trail(trail.cost, False, trail, min(ends, key=len)) if ends else trail


def _told(trail: _Trail) -> Way:
    places: dict[str, list[int]] = {}
    edges: set[tuple[str, str]] = set()
    last: _Trail | None = trail
    while last is not None:
        edges.update((edge.source, edge.target) for edge in last.edges)
        for place, position in last.marks:
            places.setdefault(place, []).append(position)
        last = last.before
    return Way({name: sorted(found) for name, found in places.items()}, frozenset(edges))
