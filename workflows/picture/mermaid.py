"""The graph of a workflow as Mermaid text, for READMEs and wikis that draw it."""

from workflows.picture.graph import Edge, Graph, Node, NodeKind
from workflows.picture.layout import Direction
from workflows.picture.overlay import PLAIN, Overlay
from workflows.picture.parts import ActKind
from workflows.picture.words import second_line

_SHAPES = {
    NodeKind.START: ("([", "])"),
    NodeKind.END: ("([", "])"),
    NodeKind.ANEW: ("([", "])"),
    NodeKind.ERROR: ("([", "])"),
    NodeKind.DECISION: ("{", "}"),
    NodeKind.LOOP: ("{{", "}}"),
    NodeKind.GROUP: ("{{", "}}"),
    NodeKind.EXCEPT: (">", "]"),
}
_ACTS = frozenset(ActKind)


def mermaid(graph: Graph, overlay: Overlay = PLAIN, *, direction: Direction = "down") -> str:
    """Return a flowchart. The states of a run become classes of the same names."""
    lines = [f"flowchart {'TB' if direction == 'down' else 'LR'}"]
    lines += [f"  {_node(node, overlay)}" for node in graph.nodes]
    lines += [f"  {_edge(edge)}" for edge in graph.edges]
    taken = overlay.taken or frozenset()
    gone = [
        str(place) for place, edge in enumerate(graph.edges) if (edge.source, edge.target) in taken
    ]
    if gone:
        lines.append(f"  linkStyle {','.join(gone)} stroke-width:3px")
    return "\n".join(lines) + "\n"


def _node(node: Node, overlay: Overlay) -> str:
    mark = overlay.mark(node.id)
    before, after = (
        _SHAPES.get(NodeKind(node.kind), ("[", "]")) if node.kind not in _ACTS else ("[", "]")
    )
    told = _text(node.label)
    if node.kind in _ACTS:
        told += f"<br/>{_text(second_line(node, mark))}"
    state = f":::{mark.state}" if mark.state else ""
    return f'{node.id}{before}"{told}"{after}{state}'


def _edge(edge: Edge) -> str:
    arrow = "-.->" if edge.fails else "-->"
    label = f'|"{_text(edge.label)}"|' if edge.label else ""
    return f"{edge.source} {arrow}{label} {edge.target}"


def _text(text: str) -> str:
    """Write a text by Mermaid's entity codes where it means something there, or to HTML."""
    return "".join(
        each if each.isalnum() or each in _HARMLESS else f"#{ord(each)};" for each in text
    )


_HARMLESS = frozenset(" _-.,:/()=+*'!?…")
