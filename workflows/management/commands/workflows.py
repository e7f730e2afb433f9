"""manage.py workflows …: what there is of runs, and what is to be done about it, from a shell."""

import os
import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TextIO, cast

from django.core.management.base import BaseCommand, CommandError, CommandParser

from workflows.api import WorkflowError
from workflows.command_line import reading, starting, stats, steering, top
from workflows.command_line.screen import Answer, screen_for

USAGE = 2
"""The exit code where the command line is wrong; 1 where it was refused."""


class Deed(NamedTuple):
    """A subcommand."""

    help: str
    add: Callable[[Any], None]
    do: Callable[[Answer, dict[str, Any]], None]


DEEDS: Mapping[str, Deed] = {
    "list": Deed(
        "the newest runs, or those that a filter finds", reading.add_list, reading.list_runs
    ),
    "show": Deed(
        "a run: what it is, why it is where it is, its steps", reading.add_run, reading.show
    ),
    "timeline": Deed("the history of a run, line by line", reading.add_run, reading.timeline),
    "why": Deed("why a run does not move, and what helps", reading.add_run, reading.why),
    **{
        name: Deed(told, steering.add_verb, steering.steer)
        for name, (_, _, told) in steering.VERBS.items()
    },
    "fork": Deed("start a run with the beginning of another", starting.add_fork, starting.fork),
    "send": Deed("send an event to a run", starting.add_send, starting.send),
    "start": Deed("start a run", starting.add_start, starting.start),
    "stats": Deed("counts by state, what is due, what failed lately", stats.add_stats, stats.stats),
    "top": Deed("what is driven and what is due, live", top.add_top, top.top),
}


class Command(BaseCommand):
    """Every subcommand is a call of workflows.api, and knows --json."""

    help = "Look at runs and steer them: list, show, why, retry, cancel and the others."

    def add_arguments(self, parser: CommandParser) -> None:
        deeds = parser.add_subparsers(dest="verb", required=True, metavar="COMMAND")
        for name, deed in DEEDS.items():
            told = deeds.add_parser(name, help=deed.help, description=deed.help)
            told.add_argument(
                "--json", action="store_true", help="one line of JSON for each answer"
            )
            deed.add(told)

    def handle(self, *args: Any, **options: Any) -> None:
        out = cast(TextIO, self.stdout._out)
        screen = screen_for(out, colours=not options["no_color"])
        try:
            DEEDS[options["verb"]].do(Answer(out, screen, in_json=options["json"]), options)
            out.flush()
        except BrokenPipeError:  # whoever reads has seen enough, as head has
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        except (WorkflowError, steering.Refused) as exc:
            raise CommandError(str(exc)) from None
        except (steering.NotSaid, ValueError) as exc:
            raise CommandError(str(exc), returncode=USAGE) from None
