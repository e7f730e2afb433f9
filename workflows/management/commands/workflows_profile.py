"""manage.py workflows_profile WORKFLOW: drive a run under cProfile, and say whose time it was."""

import json
from cProfile import Profile
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from workflows.api import WorkflowError
from workflows.engine.debugging.found_run import find_run
from workflows.engine.profiling.profiled_run import Plan, Profiled, profile_run
from workflows.engine.profiling.recorded_steps import RecordedSteps, events_of
from workflows.engine.profiling.shares import Share, shares, slowest, statements

STEPS_RUN = (
    "The steps of {workflow} run for real{times}: mails, payments, requests. What they write to this "
    "database is rolled back. With --fake-steps RUN none runs."
)

BROKEN = (
    "{error}\nAll of a profile is one transaction, and a step has failed in it with an error of the "
    "database's; a step that is @step(atomic=True) has a savepoint of its own"
)


class Command(BaseCommand):
    """The run is rolled back: no cluster sees it, and nothing of it is left."""

    help = "Drive a run of one's own under cProfile: engine, database and your code apart."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("workflow", help="its name; the newest version is taken")
        parser.add_argument("--input", default="{}", help="a JSON object; {} without it")
        parser.add_argument(
            "--event",
            action="append",
            default=[],
            metavar="NAME=JSON",
            help="an event sent right after the start; may be given again",
        )
        parser.add_argument("--runs", type=int, default=1, help="so many runs, one after the other")
        parser.add_argument(
            "--fake-steps",
            metavar="RUN",
            help="no step runs: they answer as in this run (its id, or the file it was exported to), "
            "whose events come too",
        )
        parser.add_argument("--out", metavar="FILE", help="write the profile there, for pstats")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["runs"] < 1:
            raise CommandError("--runs: give a number of 1 or more")
        profile = Profile()
        try:
            profiled = [self._profiled(options, profile) for _ in range(options["runs"])]
        except WorkflowError as exc:
            raise CommandError(f"{type(exc).__name__}: {exc}") from None
        except DatabaseError as exc:
            raise CommandError(BROKEN.format(error=exc)) from exc
        self._tell(profiled, profile)
        if options["out"]:
            profile.dump_stats(options["out"])
            self.stdout.write(f"written to {options['out']}")

    def _profiled(self, options: dict[str, Any], profile: Profile) -> Profiled:
        recorded, events = None, [_event(each) for each in options["event"]]
        if options["fake_steps"]:
            entries = find_run(options["fake_steps"]).recorded.entries
            recorded = RecordedSteps(entries)
            events += events_of(entries)
        elif not profile.getstats():
            times = f", {options['runs']} times" if options["runs"] > 1 else ""
            told = STEPS_RUN.format(workflow=options["workflow"], times=times)
            self.stderr.write(self.style.WARNING(told))
        plan = Plan(
            workflow=options["workflow"],
            input=options["input"],
            events=tuple(events),
            recorded=recorded,
        )
        return profile_run(plan, profile)

    def _tell(self, profiled: list[Profiled], profile: Profile) -> None:
        last, runs = profiled[-1], len(profiled)
        drives = sum(each.drives for each in profiled)
        told = f"{runs} runs of {last.run.workflow}" if runs > 1 else last.run.workflow
        self.stdout.write(
            f"{told} version {last.run.version}: {drives} drives, {statements(profile)} statements"
        )
        self._tell_shares(shares(profile))
        self.stdout.write("\nyour slowest functions, with what they call")
        for each in slowest(profile):
            self.stdout.write(f"{each.seconds:>12.6f} s {each.calls:>8,} calls  {each.name}")
        self._tell_end(last)
        self.stdout.write("everything was rolled back; commits are in none of these times")

    def _tell_shares(self, found: list[Share]) -> None:
        whole = sum(each.seconds for each in found)
        self.stdout.write(f"\n{'':<12} {'calls':>10} {'seconds':>12} {'share':>7}")
        for each in found:
            share = each.seconds / whole if whole else 0.0
            self.stdout.write(
                f"{each.owner:<12} {each.calls:>10,} {each.seconds:>12.6f} {share:>7.1%}"
            )
        self.stdout.write(f"{'in all':<12} {'':>10} {whole:>12.6f}")

    def _tell_end(self, last: Profiled) -> None:
        run = last.run
        others = f", with {last.runs - 1} runs that it started" if last.runs > 1 else ""
        self.stdout.write(f"\nthe run is {run.state}{others}")
        if run.waiting_for:
            names = ", ".join(run.waiting_for)
            self.stdout.write(f"it waits for {names}: give --event NAME=JSON to see what follows")
        error = run.compensation_error or run.error
        if error:
            self.stdout.write(f"  {error['type']}: {error['message']}")


def _event(given: str) -> tuple[str, Any]:
    name, equals, text = given.partition("=")
    try:
        return name, json.loads(text) if equals else None
    except ValueError as exc:
        raise CommandError(f"--event {given}: what follows the = is no JSON: {exc}") from None
