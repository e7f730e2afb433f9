"""What many runs lay over the picture of their workflow."""

from collections.abc import Iterable
from typing import Literal

from workflows.core.crowd import Standing, StepFigures
from workflows.core.history import OPERATION
from workflows.picture.graph import Graph, Node
from workflows.picture.operations import Operation
from workflows.picture.overlay import Mark, Overlay
from workflows.picture.parts import ActKind
from workflows.picture.way import fits
from workflows.picture.words import lasting

HOTTEST = 5


def overlay_of_runs(
    graph: Graph,
    standings: Iterable[Standing],
    figures: Iterable[StepFigures] = (),
    scale: Literal["duration", "failure"] = "duration",
) -> Overlay:
    """Return how many runs stand at each node, and which are slow, or fail, beside the others.

    Runs stand at what they did last; where the code names that in several places, nobody knows at
    which, and they are counted at the first. scale: what the heat tells.
    """
    here: dict[str, int] = {}
    for standing in standings:
        place = _place(graph, standing)
        if place:
            here[place] = here.get(place, 0) + standing.runs
    found = {each.name: each for each in figures}
    most = max((_heat_of(each, scale) for each in found.values()), default=0.0)
    marks = {
        node.id: _mark(node, here.get(node.id, 0), found, most, scale)
        for node in graph.nodes
        if node.act is not None
    }
    return Overlay(caption=f"{sum(here.values()):,} open runs.", marks=marks, scale=scale)


def _place(graph: Graph, standing: Standing) -> str:
    asked = Operation(position=0, kind=OPERATION.get(standing.kind, ""), names=standing.names)
    return next((node.id for node in graph.nodes if fits(node, asked)), "")


def _heat_of(figures: StepFigures, scale: str) -> float:
    if scale == "duration":
        return figures.seconds
    return figures.failed / max(figures.completed + figures.failed, 1)


def _mark(node: Node, here: int, found: dict[str, StepFigures], most: float, scale: str) -> Mark:
    is_step = node.kind == ActKind.STEP and node.act is not None
    figures = found.get(node.act.names[0]) if is_step and node.act is not None else None
    told = [f"{here:,} here"] if here else []
    heat = 0
    if figures is not None:
        heat = round(_heat_of(figures, scale) / most * HOTTEST) if most else 0
        if figures.completed:
            told.append(lasting(figures.seconds))
        if figures.failed:
            told.append(f"{figures.failed:,} failed")
    return Mark(note=", ".join(told), here=here, heat=heat)
