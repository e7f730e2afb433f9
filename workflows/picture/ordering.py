"""Order the nodes within their layers, so that few edges cross.

The barycentre sweeps of Sugiyama, Tagawa and Toda (1981), down and up in turn; the best order is
kept. Crossings are counted as inversions, as in Barth, Mutzel and Jünger, "Simple and Efficient
Bilayer Cross Counting" (2004), with a sorted list in the place of their tree.
"""

from bisect import bisect_right, insort
from itertools import pairwise

from workflows.picture.layers import Layered

SWEEPS = 12


def put_in_order(layered: Layered) -> None:
    """Change the order within the layers."""
    above: dict[str, list[str]] = {}
    below: dict[str, list[str]] = {}
    for source, target in layered.links:
        below.setdefault(source, []).append(target)
        above.setdefault(target, []).append(source)
    fewest, best = crossings(layered.layers, below), [list(each) for each in layered.layers]
    for sweep in range(SWEEPS):
        if not fewest:
            break
        _sweep(layered.layers, above if sweep % 2 == 0 else below, upwards=sweep % 2 == 1)
        found = crossings(layered.layers, below)
        if found < fewest:
            fewest, best = found, [list(each) for each in layered.layers]
    layered.layers = best


def crossings(layers: list[list[str]], below: dict[str, list[str]]) -> int:
    """Return how many links cross."""
    total = 0
    for upper, lower in pairwise(layers):
        place = {node: number for number, node in enumerate(lower)}
        passed: list[int] = []
        for node in upper:
            ends = sorted(place[each] for each in below.get(node, ()))
            total += sum(len(passed) - bisect_right(passed, end) for end in ends)
            for end in ends:
                insort(passed, end)
    return total


def _sweep(layers: list[list[str]], near: dict[str, list[str]], *, upwards: bool) -> None:
    order = layers[::-1] if upwards else layers
    for fixed, moved in pairwise(order):
        place = {node: float(number) for number, node in enumerate(fixed)}
        own = {node: float(number) for number, node in enumerate(moved)}
        middle = {
            node: _middle([place[each] for each in near.get(node, ())], own[node]) for node in moved
        }
        moved.sort(key=middle.__getitem__)


def _middle(places: list[float], otherwise: float) -> float:
    return sum(places) / len(places) if places else otherwise
