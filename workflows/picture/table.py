"""The table beside a picture: the same in words, a row for each node that is done or decided."""

from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from workflows.picture.graph import Edge, Graph, Node, NodeKind
from workflows.picture.overlay import PLAIN, Overlay
from workflows.picture.words import kind_of

HEADS = ("What", "Kind", "Next", "Undone by", "Where", "State", "Attempts", "Note")


@dataclass(frozen=True, kw_only=True)
class Row:
    """What the table says of a node."""

    node: str
    """Its id in the picture."""
    name: str
    kind: str
    following: str
    """What may come next, each with its condition."""
    undo: str
    where: str
    """The line of the source, and the helper it is in."""
    state: str = ""
    attempts: str = ""
    note: str = ""


def rows(graph: Graph, overlay: Overlay = PLAIN) -> list[Row]:
    """Return the rows of the table, in the order of the code."""
    names = {node.id: node.label for node in graph.nodes}
    return [
        _row(node, graph.following[node.id], names, overlay)
        for node in graph.nodes
        if node.kind not in (NodeKind.START, NodeKind.END)
    ]


def table_of(graph: Graph, overlay: Overlay = PLAIN) -> SafeString:
    """Draw the table as HTML."""
    heads = HEADS if overlay is not PLAIN else HEADS[:5]
    return format_html(
        '<table class="workflow-table"><caption>{}, version {}. {}</caption><thead><tr>{}</tr></thead>'
        "<tbody>{}</tbody></table>",
        graph.workflow,
        graph.version,
        overlay.caption,
        format_html_join("", '<th scope="col">{}</th>', ((head,) for head in heads)),
        format_html_join(
            "", "<tr>{}</tr>", ((_cells(row, len(heads)),) for row in rows(graph, overlay))
        ),
    )


def _row(node: Node, following: tuple[Edge, ...], names: dict[str, str], overlay: Overlay) -> Row:
    mark = overlay.mark(node.id)
    told = [
        f"{edge.label}: {names[edge.target]}" if edge.label else names[edge.target]
        for edge in following
    ]
    places = [f"line {node.line}", *(f"in {name}" for name in reversed(node.within))]
    return Row(
        node=node.id,
        name=node.label,
        kind=kind_of(node),
        following="; ".join(told),
        undo=node.act.undo if node.act is not None else "",
        where=" ".join(places),
        state=mark.state or (f"{mark.here:,} here" if mark.here else ""),
        attempts=str(mark.attempts) if mark.attempts else "",
        note=mark.note,
    )


def _cells(row: Row, many: int) -> SafeString:
    told = (row.kind, row.following, row.undo, row.where, row.state, row.attempts, row.note)
    cells = format_html_join("", "<td>{}</td>", ((each,) for each in told[: many - 1]))
    return format_html('<th scope="row">{}</th>{}', row.name, cells)
