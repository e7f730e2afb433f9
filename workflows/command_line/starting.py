"""start, fork and send."""

from argparse import ArgumentParser
from typing import Any

from workflows import api
from workflows.command_line.filter_arguments import moment
from workflows.command_line.given_input import changed_input, json_value, started_input
from workflows.command_line.screen import Answer
from workflows.command_line.shapes import run_shape
from workflows.command_line.who_asks import add_asker, asker

INPUT = "a JSON object, or name=value; again for another parameter"


def add_start(parser: ArgumentParser) -> None:
    parser.add_argument("workflow", metavar="NAME", help="the workflow; its newest version starts")
    parser.add_argument("given", nargs="*", metavar="name=value", help="a parameter")
    parser.add_argument("--input", action="append", default=[], metavar="JSON", help=INPUT)
    parser.add_argument("--key", help="makes it idempotent")
    parser.add_argument("--at", type=moment, metavar="TIME", help="not driven before")
    parser.add_argument("--deadline-seconds", type=float, metavar="SECONDS")
    parser.add_argument("--priority", type=int, default=0, metavar="N", help="from -9 to 9 (0)")
    for name in ("owner", "tenant"):
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("--subject")
    parser.add_argument("--tag", action="append", default=[], dest="tags")


def start(answer: Answer, options: dict[str, Any]) -> None:
    """Start a run."""
    name = options["workflow"]
    words = ("key", "at", "deadline_seconds", "priority", "owner", "tenant", "subject", "tags")
    told = {word: options[word] for word in words}
    typed = started_input(name, (*options["input"], *options["given"]))
    run = api.start.using(**told)(name, **typed)
    _tell(answer, run, f"{run.workflow} version {run.version} started: {run.id}")


def add_fork(parser: ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="its id")
    parser.add_argument(
        "--at", type=int, required=True, metavar="POSITION", help="the first that is done anew"
    )
    parser.add_argument("--input", action="append", default=[], metavar="JSON", help=INPUT)
    parser.add_argument("--deadline-seconds", type=float, metavar="SECONDS")
    add_asker(parser)


def fork(answer: Answer, options: dict[str, Any]) -> None:
    """Start a run with what another has recorded before a position."""
    origin = api.get_run(options["run"], decrypt=False)
    run = api.fork(
        origin,
        at=options["at"],
        input=changed_input(origin.workflow, origin.version, options["input"]),
        deadline_seconds=options["deadline_seconds"],
        **asker(options),
    )
    _tell(answer, run, f"{run.id} goes on from position {options['at']} of {origin.id}")


def add_send(parser: ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="its id")
    parser.add_argument("name", metavar="NAME", help="the event's")
    parser.add_argument("--payload", metavar="JSON", default="null", help="what it brings (null)")
    parser.add_argument("--key", help="makes it idempotent")
    add_asker(parser)


def send(answer: Answer, options: dict[str, Any]) -> None:
    """Send an event to a run."""
    payload = json_value("--payload", options["payload"])
    who = asker(options)["by"]
    api.send_event(options["run"], options["name"], payload, key=options["key"], by=who)
    if answer.in_json:
        answer.json({"run": options["run"], "event": options["name"], "sent": True})
    else:
        answer.screen.say(f"{options['name']!r} is sent")


def _tell(answer: Answer, run: api.RunView, words: str) -> None:
    if answer.in_json:
        answer.json(run_shape(run))
    else:
        answer.screen.say(words)
