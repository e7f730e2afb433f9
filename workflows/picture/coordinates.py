"""Place ordered nodes across their layers, each as near as may be to what it is linked with.

Layer by layer the places are the least squares to the neighbours that keep order and gaps. That is
isotonic regression; it is solved by pooling adjacent violators (Ayer, Brunk, Ewing, Reid and
Silverman, 1955), as Gansner, Koutsofios, North and Vo name it among the heuristics for their fourth
pass in "A Technique for Drawing Directed Graphs" (1993).
"""

from collections.abc import Mapping

from workflows.picture.layers import Layered

SWEEPS = 16
STRAIGHT = 8.0
"""How much more a link between two stops counts: long edges are to be straight."""


def place_across(layered: Layered, sizes: Mapping[str, float], gap: float) -> dict[str, float]:
    """Return the middle of each node and stop, from 0 on. sizes: how broad each of them is."""
    near = _near(layered)
    place: dict[str, float] = {}
    for layer in layered.layers:
        edge = 0.0
        for node in layer:
            place[node] = edge + sizes[node] / 2
            edge += sizes[node] + gap
    for sweep in range(SWEEPS):
        for layer in layered.layers if sweep % 2 == 0 else layered.layers[::-1]:
            _settle(layer, near, sizes, gap, place)
    least = min((place[node] - sizes[node] / 2 for node in place), default=0.0)
    return {node: each - least for node, each in place.items()}


def _near(layered: Layered) -> dict[str, list[tuple[str, float]]]:
    found: dict[str, list[tuple[str, float]]] = {}
    for above, below in layered.links:
        weight = STRAIGHT if " " in above and " " in below else 1.0
        found.setdefault(above, []).append((below, weight))
        found.setdefault(below, []).append((above, weight))
    return found


def _settle(
    layer: list[str],
    near: Mapping[str, list[tuple[str, float]]],
    sizes: Mapping[str, float],
    gap: float,
    place: dict[str, float],
) -> None:
    blocks: list[tuple[float, float, list[tuple[str, float]]]] = []
    offset = 0.0
    for number, node in enumerate(layer):
        if number:
            offset += (sizes[layer[number - 1]] + sizes[node]) / 2 + gap
        pulls = near.get(node) or [(node, 1.0)]
        weight = sum(each for _, each in pulls)
        wanted = sum(place[other] * each for other, each in pulls) - offset * weight
        blocks.append((wanted, weight, [(node, offset)]))
        while len(blocks) > 1 and _mean(blocks[-2]) > _mean(blocks[-1]):
            wanted, weight, members = blocks.pop()
            more, heavier, before = blocks.pop()
            blocks.append((more + wanted, heavier + weight, before + members))
    for block in blocks:
        for node, offset in block[2]:
            place[node] = _mean(block) + offset


def _mean(block: tuple[float, float, list[tuple[str, float]]]) -> float:
    return block[0] / block[1]
