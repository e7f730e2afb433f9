"""Put the nodes of a graph into layers, so that edges point one way.

Sugiyama, Tagawa and Toda, "Methods for Visual Understanding of Hierarchical System Structures"
(1981), the first three of its steps: edges that close a circle are turned round (found by a
depth-first walk), each node stands one layer below the lowest that leads to it (longest path), and an
edge across several layers is cut by a stop in each.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

Pair: TypeAlias = tuple[str, str]


@dataclass(kw_only=True)
class Layered:
    """A graph in layers. Stops have names of their own, with a blank."""

    layers: list[list[str]]
    links: list[Pair]
    """Between neighbouring layers, downwards."""
    stops: dict[Pair, list[str]] = field(default_factory=dict)
    """Of each edge, downwards."""
    turned: set[Pair] = field(default_factory=set)
    """Edges that point upwards."""


def in_layers(nodes: Sequence[str], edges: Iterable[Pair]) -> Layered:
    """Return the nodes in layers; an edge from a node to itself is left out."""
    pairs = [pair for pair in dict.fromkeys(edges) if pair[0] != pair[1]]
    turned = _closing(nodes, pairs)
    down = list(dict.fromkeys((b, a) if (a, b) in turned else (a, b) for a, b in pairs))
    rank = _ranks(nodes, down)
    found = Layered(layers=[[] for _ in range(max(rank.values(), default=0) + 1)], links=[])
    for node in nodes:
        found.layers[rank[node]].append(node)
    found.turned = turned
    for above, below in down:
        found.stops[above, below] = _cut(found, above, below, rank)
    return found


def _cut(found: Layered, above: str, below: str, rank: dict[str, int]) -> list[str]:
    stops = []
    last = above
    for layer in range(rank[above] + 1, rank[below]):
        stop = f"{above} {below} {layer}"
        found.layers[layer].append(stop)
        found.links.append((last, stop))
        stops.append(stop)
        last = stop
    found.links.append((last, below))
    return stops


def _closing(nodes: Sequence[str], pairs: list[Pair]) -> set[Pair]:
    """Return the edges that lead back to a node on the way to them."""
    leaving = _leaving(nodes, pairs)
    closing: set[Pair] = set()
    done: set[str] = set()
    for first in nodes:
        way: dict[str, int] = {}
        stack = [first] if first not in done else []
        while stack:
            node = stack[-1]
            place = way.setdefault(node, 0)
            if place >= len(leaving[node]):
                done.add(node)
                way.pop(node)
                stack.pop()
                continue
            way[node] += 1
            target = leaving[node][place]
            if target in way:
                closing.add((node, target))
            elif target not in done:
                stack.append(target)
    return closing


def _ranks(nodes: Sequence[str], down: list[Pair]) -> dict[str, int]:
    leaving = _leaving(nodes, down)
    above = dict.fromkeys(nodes, 0)
    for _, target in down:
        above[target] += 1
    rank = dict.fromkeys(nodes, 0)
    free = [node for node in nodes if not above[node]]
    for node in free:
        for target in leaving[node]:
            rank[target] = max(rank[target], rank[node] + 1)
            above[target] -= 1
            if not above[target]:
                free.append(target)
    return rank


def _leaving(nodes: Sequence[str], pairs: list[Pair]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {node: [] for node in nodes}
    for source, target in pairs:
        found[source].append(target)
    return found
