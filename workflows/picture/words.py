"""What pictures and their tables say of nodes, in words."""

from workflows.picture.graph import Node, NodeKind
from workflows.picture.overlay import Mark
from workflows.picture.parts import ActKind

KINDS: dict[str, str] = {
    ActKind.STEP: "step",
    ActKind.WAIT: "waits",
    ActKind.SLEEP: "sleeps",
    ActKind.CHILD: "child run",
    ActKind.SEND: "sends an event",
    ActKind.UPDATE: "answers updates",
    ActKind.CLEANUP: "runs at the end",
    ActKind.UNKNOWN: "unknown step",
    NodeKind.START: "start",
    NodeKind.DECISION: "decision",
    NodeKind.LOOP: "loop",
    NodeKind.GROUP: "at once",
    NodeKind.EXCEPT: "on failure",
    NodeKind.END: "end",
    NodeKind.ANEW: "end",
    NodeKind.ERROR: "error",
}


def kind_of(node: Node) -> str:
    """Say what a node is: "step", "waits"…"""
    known = node.act is None or node.act.known or node.act.kind in _NAMES_NOTHING
    told = KINDS[node.kind]
    return told if known else f"{told}, told by a run alone"


_NAMES_NOTHING = (ActKind.UNKNOWN, ActKind.WAIT)


def second_line(node: Node, mark: Mark) -> str:
    """Return what stands below the name of an act: what a run says of it, or what it is."""
    if mark.note:
        return mark.note
    if mark.here:
        return f"{mark.here:,} here"
    if mark.state:
        return mark.state
    detail = node.act.detail if node.act is not None else ""
    return f"{KINDS[node.kind]} {detail}" if detail else kind_of(node)


def whole(node: Node, mark: Mark) -> str:
    """Say everything of a node in a line, for who hovers over it or cannot see it."""
    told = [f"{node.label}: {kind_of(node)}"]
    act = node.act
    if act is not None and act.detail:
        told.append(act.detail)
    if act is not None and act.undo:
        told.append(f"undone by {act.undo}")
    if node.status:
        told.append(f"status {node.status}")
    if mark.state:
        told.append(mark.state)
    if mark.note and mark.note != mark.state:
        told.append(mark.note)
    if mark.times > 1:
        told.append(f"{mark.times} times")
    if mark.here:
        told.append(f"{mark.here:,} runs here")
    if node.within:
        told.append(f"in {', in '.join(reversed(node.within))}")
    if node.line:
        told.append(f"line {node.line}")
    return ", ".join(told)


def lasting(seconds: float) -> str:
    """Write how long something took: "38 ms", "4.2 s", "1 m 43 s", "2 h 5 m", "3 d 4 h"."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    size, word, small, less = next(
        (unit for unit in _UNITS if seconds >= unit[0]),
    )
    return f"{seconds // size:.0f} {word} {seconds % size // small:.0f} {less}"


_UNITS = ((86400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s"))
