"""A picture as JSON values, for programs that draw it themselves."""

from dataclasses import asdict
from typing import Any

from workflows.picture.graph import Graph
from workflows.picture.overlay import PLAIN, Overlay
from workflows.picture.parts import Outline, plain


def as_json(outline: Outline, graph: Graph, overlay: Overlay = PLAIN) -> dict[str, Any]:
    """Return the outline, its graph, and what lies over it where there is something."""
    nodes = [
        {
            "id": node.id,
            "kind": str(node.kind),
            "label": node.label,
            "line": node.line,
            "status": node.status,
        }
        | {"within": list(node.within), "group": node.group}
        for node in graph.nodes
    ]
    told: dict[str, Any] = {
        "outline": plain(outline),
        "nodes": nodes,
        "edges": [asdict(edge) for edge in graph.edges],
    }
    if overlay is not PLAIN:
        told["marks"] = {name: asdict(mark) for name, mark in overlay.marks.items()}
        taken = overlay.taken or frozenset()
        told["taken"] = [
            [edge.source, edge.target]
            for edge in graph.edges
            if (edge.source, edge.target) in taken
        ]
    return told
