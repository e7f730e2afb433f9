"""stats: how many runs there are of each state, what is due, what failed in the last hour."""

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from workflows.command_line import safe_text
from workflows.command_line.screen import Answer
from workflows.core.retention import seconds_of
from workflows.core.states import RunState
from workflows.store import at_work
from workflows.store.state_counts import How, StateCount, count_states


def add_stats(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--since", default="1h", metavar="SPAN", help='failures of so long: "1h", "7d" (1h)'
    )


def stats(answer: Answer, options: dict[str, Any]) -> None:
    """Print the counts. Raises ValueError for what is no span."""
    seconds = seconds_of(options["since"])
    states, due = count_states({}), at_work.count_due()
    workers, failures = at_work.list_workers(), at_work.recent_failures(seconds)
    living = [each for each in workers if each.lives]
    if answer.in_json:
        answer.json(
            {
                "states": {state.value: count.runs for state, count in states.items()},
                "at_least": _told_as(How.AT_LEAST, states),
                "about": _told_as(How.ABOUT, states),
                "due": due.runs,
                "due_at_least": due.at_least,
                "oldest_due_seconds": due.oldest_seconds,
                "workers": len(living),
                "slots": sum(each.slots for each in living),
                "driving": sum(each.driving for each in living),
                "failures": [each._asdict() for each in failures],
            }
        )
        return
    screen = answer.screen
    rows = [(state.value, _words(count)) for state, count in states.items()]
    screen.table(("state", "runs"), rows)
    screen.say(due_words(due))
    screen.say(worker_words(workers))
    if failures:
        told = [
            (each.workflow, each.kind, each.type, f"{each.runs:,}", safe_text.moment(each.last_at))
            for each in failures
        ]
        columns = ("workflow", "kind", "error", "runs", "last")
        screen.table(columns, told, title=f"failed in the last {options['since']}")
    else:
        screen.say(f"nothing failed in the last {options['since']}")


def _told_as(how: How, states: Mapping[RunState, StateCount]) -> list[str]:
    return [state.value for state, count in states.items() if count.how == how]


def _words(count: StateCount) -> str:
    about = "about " if count.how == How.ABOUT else ""
    return about + _number(count.runs, count.how == How.AT_LEAST)


def _number(runs: int, at_least: bool) -> str:
    return f"{runs:,}" + ("+" if at_least else "")


def due_words(due: at_work.DueCount) -> str:
    """Return how far behind the queue is."""
    if not due.runs:
        return "nothing is due"
    oldest = due.oldest_seconds or 0.0
    return f"{_number(due.runs, due.at_least)} due, the oldest for {oldest:,.1f} s"


def worker_words(workers: list[at_work.WorkerView]) -> str:
    """Return who is at work."""
    living = [each for each in workers if each.lives]
    slots, driving = sum(each.slots for each in living), sum(each.driving for each in living)
    silent = len(workers) - len(living)
    words = f"{len(living)} workers live, with {slots:,} slots, of which {driving:,} drive a run"
    return f"{words}; {silent} show no life" if silent else words
