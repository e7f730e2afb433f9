"""manage.py workflows_doctor: is anything wrong with the engine here, and what is to be done?"""

import sys
from dataclasses import asdict
from typing import Any, TextIO, cast

from django.core.management.base import BaseCommand, CommandParser

from workflows.command_line.screen import Answer, screen_for
from workflows.doctor.examination import AREAS, ENDS, examine
from workflows.doctor.finding import Finding, Severity


class Command(BaseCommand):
    """Reads only. Exit codes for monitors: 0 well, 1 warnings, 2 errors."""

    help = "Look at the database, the cluster, the clocks and the runs, and say what is to be done."
    # The checks are one of the looks, and must not keep the others from being made.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="one line of JSON for each finding")
        parser.add_argument(
            "--only", action="append", choices=list(AREAS), help="again for another area"
        )
        parser.add_argument("--quiet", action="store_true", help="say nothing of what is well")

    def handle(self, *args: Any, **options: Any) -> None:
        out = cast(TextIO, self.stdout._out)
        answer = Answer(
            out, screen_for(out, colours=not options["no_color"]), in_json=options["json"]
        )
        found = list(examine(options["only"] or ()))
        told = [each for each in found if not options["quiet"] or each.severity != Severity.OK]
        if answer.in_json:
            for each in told:
                answer.json({**asdict(each), "severity": each.severity.value})
        else:
            _say(answer, told, found)
        if code := max((ENDS[each.severity] for each in found), default=0):
            sys.exit(code)


def _say(answer: Answer, told: list[Finding], found: list[Finding]) -> None:
    for each in told:
        answer.screen.say(f"{each.severity.value:<8} {each.area}: {each.sentence}")
        if each.advice:
            answer.screen.say(f"{'':<8} {each.advice}")
    counts = {severity: sum(each.severity is severity for each in found) for severity in Severity}
    answer.screen.say(
        f"{counts[Severity.ERROR]} errors, {counts[Severity.WARNING]} warnings, {counts[Severity.OK]} looks well"
    )
