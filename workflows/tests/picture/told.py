"""Outlines and graphs as short lists, to compare."""

from workflows.picture.graph import Graph
from workflows.picture.parts import Part, acts


def told_acts(body: tuple[Part, ...]) -> list[str]:
    """Return "step pack" for each act, with "?" where its name is not known."""
    return [f"{act.kind} {' or '.join(act.names)}{'' if act.known else '?'}" for act in acts(body)]


def told_edges(graph: Graph) -> list[str]:
    """Return "a -label-> b" for each edge, by the labels of its nodes."""
    names = {node.id: node.label for node in graph.nodes}
    return [f"{names[each.source]} -{each.label}-> {names[each.target]}" for each in graph.edges]
