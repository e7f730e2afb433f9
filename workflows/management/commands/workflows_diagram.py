"""manage.py workflows_diagram NAME: a workflow as a picture."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from workflows.api import WorkflowError, load_outline
from workflows.picture.as_json import as_json
from workflows.picture.make_graph import graph_of
from workflows.picture.mermaid import mermaid
from workflows.picture.svg import draw_file


class Command(BaseCommand):
    """Reads source; runs nothing and asks no database."""

    help = "Draw a workflow: SVG on standard output, or Mermaid, or JSON."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("workflow", help="its name")
        parser.add_argument("--of-version", type=int, metavar="N", help="the newest without it")
        parser.add_argument("--right", action="store_true", help="from left to right, not down")
        form = parser.add_mutually_exclusive_group()
        form.add_argument("--mermaid", action="store_true", help="as a Mermaid flowchart")
        form.add_argument("--json", action="store_true", help="as data: outline, nodes, edges")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            outline = load_outline(options["workflow"], options["of_version"])
        except WorkflowError as exc:
            raise CommandError(f"{type(exc).__name__}: {exc}") from None
        graph = graph_of(outline)
        if options["json"]:
            told = json.dumps(as_json(outline, graph), indent=2) + "\n"
        elif options["mermaid"]:
            told = mermaid(graph, direction="right" if options["right"] else "down")
        else:
            told = draw_file(graph, direction="right" if options["right"] else "down")
        self.stdout.write(told, ending="")
