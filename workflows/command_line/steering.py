"""retry, cancel, pause, resume and compensate: one run, or all that a filter finds."""

import sys
from argparse import ArgumentParser
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TextIO

from workflows import api
from workflows.command_line.filter_arguments import add_filter, read_filter
from workflows.command_line.screen import Answer
from workflows.command_line.shapes import steered_shape
from workflows.command_line.who_asks import add_asker, asker

VERBS: Mapping[str, tuple[Callable[..., bool], str, str]] = {
    "retry": (api.retry, "retried", "let failed runs go on, drive others now"),
    "cancel": (api.cancel, "cancelled", "end runs and their children"),
    "pause": (api.pause, "paused", "set runs and their children aside"),
    "resume": (api.resume, "resumed", "let paused runs go on"),
    "compensate": (api.compensate, "sent to undo its steps", "undo what runs have done"),
}
"""By name: the verb, what a run then is, what it does."""


class Refused(Exception):
    """What was asked for was not done, or not all of it. The message says it in a sentence."""


class NotSaid(Exception):
    """What is to be done was not said: the command line is wrong."""


def add_verb(parser: ArgumentParser) -> None:
    parser.add_argument("runs", nargs="*", metavar="RUN", help="their ids")
    parser.add_argument("--limit", type=int, metavar="N", help="only so many, the oldest first")
    parser.add_argument("--dry-run", action="store_true", help="only count them")
    parser.add_argument("--yes", action="store_true", help="do it without a question")
    add_asker(parser)
    add_filter(parser)


def steer(answer: Answer, options: dict[str, Any]) -> None:
    """Do what the verb says. Raises Refused, NotSaid."""
    runs, wanted = options["runs"], read_filter(options)
    if not runs and not wanted:
        raise NotSaid("say which runs: their ids, or a filter such as --state failed")
    if len(runs) == 1 and not wanted and not options["dry_run"]:
        _one(answer, options, runs[0])
        return
    if runs:
        wanted["id"] = runs
    _many(answer, options, wanted)


def _one(answer: Answer, options: dict[str, Any], run: str) -> None:
    verb, done, _ = VERBS[options["verb"]]
    if not verb(run, **asker(options)):
        now = api.get_run(run, newest=True)
        raise Refused(f"run {now.id} is {now.state}, which is no state to {options['verb']} it in")
    if answer.in_json:
        answer.json({"verb": options["verb"], "run": run, "done": True})
    else:
        answer.screen.say(f"{run} is {done}")


def _many(answer: Answer, options: dict[str, Any], wanted: api.RunFilter) -> None:
    name = options["verb"]
    who = asker(options)
    act = partial(api.steer_runs, name, by=who["by"], reason=who["reason"], via=who["via"])
    counted = act(dry_run=True, **wanted)
    most = counted.matched if options["limit"] is None else min(options["limit"], counted.matched)
    if options["dry_run"] or not most:
        _tell(answer, counted, f"{counted.matched:,} runs match; nothing was done")
        return
    if not options["yes"]:
        _ask(f"{name} {most:,} of {counted.matched:,} runs that match?")
    with answer.screen.bar(most, name) as tell:
        steered = act(
            limit=most, progress=lambda far: tell(far.done + far.refused + far.moved_on), **wanted
        )
    words = f"{steered.done:,} {VERBS[name][1]}, {steered.refused:,} refused, {steered.moved_on:,} had moved on"
    _tell(answer, steered, words)
    if steered.refused:
        reasons = "; ".join(f"{count:,}: {why}" for why, count in steered.reasons.items())
        raise Refused(
            f"{steered.refused:,} runs refused to {name}" + (f" ({reasons})" if reasons else "")
        )


def _tell(answer: Answer, steered: api.Steered, words: str) -> None:
    if answer.in_json:
        answer.json(steered_shape(steered))
    else:
        answer.screen.say(words)


def _ask(question: str, stdin: TextIO | None = None) -> None:
    """Ask who sits there. Raises NotSaid where nobody does, Refused where the answer is not yes."""
    answers = stdin or sys.stdin
    if not answers.isatty():
        raise NotSaid(f"{question} Nobody is there to be asked: give --yes")
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    if answers.readline().strip().lower() not in ("y", "yes"):
        raise Refused("nothing was done")
