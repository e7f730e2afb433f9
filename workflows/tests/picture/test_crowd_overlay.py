"""Many runs over the picture of their workflow."""

from workflows.api import load_outline
from workflows.core.crowd import Standing, StepFigures
from workflows.core.history import HistoryKind
from workflows.picture.crowd_overlay import overlay_of_runs
from workflows.picture.make_graph import graph_of
from workflows.picture.overlay import Mark
from workflows.picture.svg import draw
from workflows.tests.picture.drawn_flows import parcel

STANDINGS = [
    Standing(kind=HistoryKind.WAIT_STARTED, names=("no", "yes"), runs=1200),
    Standing(kind=HistoryKind.STEP_COMPLETED, names=("gone",), runs=3),
]
FIGURES = [
    StepFigures(name="pack", completed=9, failed=1, seconds=10),
    StepFigures(name="weigh", completed=10, failed=0, seconds=4),
]


def test_runs_are_counted_where_they_stand_and_steps_are_warm() -> None:
    graph = graph_of(load_outline(parcel))
    names = {node.label: node.id for node in graph.nodes}

    overlay = overlay_of_runs(graph, STANDINGS, FIGURES)
    failing = overlay_of_runs(graph, STANDINGS, FIGURES, "failure")

    assert overlay.caption == "1,200 open runs."
    assert overlay.mark(names["yes or no"]) == Mark(note="1,200 here", here=1200)
    assert overlay.mark(names["pack"]) == Mark(note="10 s, 1 failed", heat=5)
    assert overlay.mark(names["weigh"]) == Mark(note="4.0 s", heat=2)
    assert failing.mark(names["weigh"]).heat == 0
    assert 'data-scale="failure"' in draw(graph, failing)
    assert 'data-heat="5"' in draw(graph, failing)
