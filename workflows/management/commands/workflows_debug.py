"""manage.py workflows_debug RUN: replay a run on this machine, and stop before each operation."""

import sys
from typing import Any, TextIO

from django.core.management.base import BaseCommand, CommandError, CommandParser

from workflows.api import InvalidInput, PayloadUnreadable, RunNotFound
from workflows.engine.debugging.found_run import FoundRun, find_run
from workflows.engine.debugging.prompt import HELP, Attached, Stopper, is_attached
from workflows.engine.debugging.transcript import Transcript


class Command(BaseCommand):
    """Steps never run, nothing is written; what is shown is shown in the clear."""

    help = "Replay a run against the code at hand and stop before each operation, under pdb."
    stealth_options = ("stdin",)

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", help="a run's id, or the file that it was exported to")
        parser.add_argument("--archive", metavar="FILE", help="the archive that has the run")
        parser.add_argument(
            "--until",
            metavar="POSITION",
            type=int,
            help="go there without a stop; a transcript ends there",
        )
        parser.add_argument(
            "--no-input",
            action="store_false",
            dest="interactive",
            help="stop nowhere: print the operations. So it is without a terminal",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            found = find_run(options["run"], archive=options["archive"])
        except (InvalidInput, PayloadUnreadable, RunNotFound) as exc:
            raise CommandError(str(exc)) from None
        self._watcher(found, options).replay()
        self.stdout.write("nothing was run, nothing was written")

    def _watcher(self, found: FoundRun, options: dict[str, Any]) -> Transcript:
        say, until = self.stdout.write, options["until"]
        stdin: TextIO | None = options.get("stdin")
        if not options["interactive"]:
            return Transcript(found, say, until=until)
        if stdin is None and is_attached():
            return Attached(found, say, until=until)
        if stdin is None and not sys.stdin.isatty():
            return Transcript(found, say, until=until)
        say(HELP)
        # As it is, without a line end after a prompt.
        stdout: Any = None if stdin is None else self.stdout._out
        return Stopper(found, say, until=until, stdin=stdin, stdout=stdout)
