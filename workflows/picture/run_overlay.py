"""What one run lays over the picture of its workflow."""

from collections.abc import Iterable, Sequence

from workflows.core.history import HistoryEntry, HistoryKind
from workflows.core.run import RunView
from workflows.core.states import FINAL_STATES, RunState
from workflows.core.step_views import StepState, StepView
from workflows.picture.graph import Graph, Node
from workflows.picture.operations import Operation, operations
from workflows.picture.overlay import Mark, Overlay
from workflows.picture.parts import ActKind
from workflows.picture.way import way_of
from workflows.picture.words import lasting


def overlay_of_run(
    graph: Graph, run: RunView, steps: Sequence[StepView], lines: Iterable[HistoryEntry]
) -> Overlay:
    """Return the marks of a run and the way it has gone, from what get_run, list_steps and
    get_history return. The way is the shortest that fits its history: of two that leave the same
    lines, nobody knows which it was."""
    lines = list(lines)
    asked = operations(lines, steps)
    way = way_of(graph, asked, ended=run.state == RunState.COMPLETED)
    by_position = {each.position: each for each in asked}
    views = {step.position: step for step in steps if step.position is not None}
    updates = [line.name for line in lines if line.kind == HistoryKind.UPDATE_RECEIVED]
    marks = {}
    for node in graph.nodes:
        if node.act is None:
            continue
        places = way.places.get(node.id, [])
        if node.kind == ActKind.UPDATE:
            places = [0] * sum(name in node.act.names for name in updates)
        marks[node.id] = _mark(node, run, places, by_position, views)
    caption = f"Run {run.id}: {run.state}."
    return Overlay(caption=caption, marks=marks, taken=way.edges)


def _mark(
    node: Node,
    run: RunView,
    places: list[int],
    asked: dict[int, Operation],
    views: dict[int, StepView],
) -> Mark:
    if not places:
        past = run.state in FINAL_STATES or run.state == RunState.COMPENSATING
        return Mark(state=StepState.SKIPPED if past else StepState.PENDING)
    last, times = places[-1], len(places)
    view = views.get(last)
    if view is not None:
        note, attempts = _note(view), view.attempts
        return Mark(state=view.state, note=note, times=times, attempts=attempts, position=last)
    operation = asked.get(last)
    state, note = StepState.COMPLETED, ""
    if operation is not None and operation.open:
        state = StepState.SKIPPED if run.state in FINAL_STATES else StepState.WAITING
    elif operation is not None and operation.failed:
        state = StepState.FAILED
    elif operation is not None and operation.timed_out:
        note = "timed out"
    return Mark(state=state, note=note, times=times, position=last or None)


def _note(view: StepView) -> str:
    """Say how a step went, in a few words."""
    match view.state:
        case StepState.RUNNING | StepState.WAITING:
            return f"{view.state}, try {view.attempts + 1}" if view.attempts else ""
        case StepState.FAILED:
            kind = str((view.error or {}).get("type", "")).rpartition(".")[2]
            return f"{kind}, try {view.attempts}" if kind else ""
        case StepState.COMPLETED if view.duration is not None:
            tries = f", try {view.attempts}" if view.attempts > 1 else ""
            return f"{lasting(view.duration.total_seconds())}{tries}"
    return ""
