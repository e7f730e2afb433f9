"""manage.py workflows_diagram NAME: a workflow as a picture."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from workflows.api import (
    Outline,
    WorkflowError,
    get_history,
    get_run,
    list_steps,
    load_outline,
)
from workflows.picture.as_json import as_json
from workflows.picture.layout import Direction
from workflows.picture.make_graph import graph_of
from workflows.picture.mermaid import mermaid
from workflows.picture.overlay import PLAIN, Overlay
from workflows.picture.run_overlay import overlay_of_run
from workflows.picture.svg import draw_file


class Command(BaseCommand):
    """Reads source, and history where a run is named; runs nothing."""

    help = "Draw a workflow: SVG on standard output, or Mermaid, or JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("workflow", nargs="?", help="its name; that of --run without it")
        parser.add_argument("--of-version", type=int, metavar="N", help="the newest without it")
        parser.add_argument("--run", metavar="ID", help="show what this run has done")
        parser.add_argument("--right", action="store_true", help="from left to right, not down")
        form = parser.add_mutually_exclusive_group()
        form.add_argument("--mermaid", action="store_true", help="as a Mermaid flowchart")
        form.add_argument("--json", action="store_true", help="as data: outline, nodes, edges")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["workflow"] and not options["run"]:
            raise CommandError("give the name of a workflow, or --run ID")
        try:
            outline, overlay = _read(options)
        except WorkflowError as exc:
            raise CommandError(f"{type(exc).__name__}: {exc}") from None
        graph, direction = graph_of(outline), _direction(options)
        if options["json"]:
            told = json.dumps(as_json(outline, graph, overlay), indent=2) + "\n"
        elif options["mermaid"]:
            told = mermaid(graph, overlay, direction=direction)
        else:
            told = draw_file(graph, overlay, direction=direction)
        self.stdout.write(told, ending="")


def _direction(options: dict[str, Any]) -> Direction:
    return "right" if options["right"] else "down"


def _read(options: dict[str, Any]) -> tuple[Outline, Overlay]:
    name, version = options["workflow"], options["of_version"]
    if not options["run"]:
        return load_outline(name, version), PLAIN
    run = get_run(options["run"])
    if name not in (None, run.workflow) or version not in (None, run.version):
        raise CommandError(
            f"run {run.id} is of {run.workflow!r} version {run.version}; leave the name out to draw that"
        )
    outline = load_outline(run.workflow, run.version)
    lines = get_history(run.id)
    return outline, overlay_of_run(graph_of(outline), run, list_steps(run.id), lines)
