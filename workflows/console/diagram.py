"""A run laid over the picture of its workflow."""

from collections.abc import Sequence
from typing import NamedTuple

from django.utils.safestring import SafeString

from workflows import api
from workflows.api import HistoryEntry, RunView, StepView
from workflows.picture.make_graph import graph_of
from workflows.picture.run_overlay import overlay_of_run
from workflows.picture.svg import draw
from workflows.picture.table import table_of


class Diagram(NamedTuple):
    """The same twice, for the eye and in words."""

    picture: SafeString
    table: SafeString


def diagram_of(
    run: RunView, steps: Sequence[StepView], lines: Sequence[HistoryEntry]
) -> Diagram | None:
    """Draw what the run has done over its workflow; None: this process has not its code."""
    try:
        outline = api.load_outline(run.workflow, run.version)
    except api.UnknownWorkflow:
        return None
    graph = graph_of(outline)
    overlay = overlay_of_run(graph, run, steps, lines)
    return Diagram(draw(graph, overlay), table_of(graph, overlay))
