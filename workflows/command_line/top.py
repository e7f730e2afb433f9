"""top: what is driven and what is due, looked at again and again."""

import select
import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from workflows.command_line import safe_text, screen
from workflows.command_line.screen import Answer, PlainScreen
from workflows.command_line.shapes import Shape
from workflows.command_line.stats import due_words, worker_words
from workflows.core.running_steps import read_shown
from workflows.store import at_work

try:
    import termios
    import tty
except ImportError:  # no POSIX: keys are not heard
    termios = tty = None  # type: ignore[assignment]

DRIVEN = ("run", "workflow", "state", "step", "on", "lease")
DUE = ("run", "workflow", "state", "due for", "pool")
WORKERS = ("host", "pid", "worker", "state", "driving", "slots", "since", "pools")


class Look(NamedTuple):
    """What was seen at one moment."""

    at: datetime
    due: at_work.DueCount
    next: list[at_work.DueRun]
    driven: list[at_work.DrivenRun]
    workers: list[at_work.WorkerView]


def add_top(parser: ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=1.0, help="between two looks (1)")
    parser.add_argument("--times", type=int, metavar="N", help="only so many looks")
    parser.add_argument("--rows", type=int, default=15, metavar="N", help="of each table (15)")


def top(answer: Answer, options: dict[str, Any]) -> None:
    """Show what is at work until q or Ctrl-C."""
    looks = _looks(options)
    try:
        if answer.in_json:
            for look in looks:
                answer.json(_shape(look))
        elif screen.drawn is None or isinstance(answer.screen, PlainScreen):
            for look in looks:
                _say(answer, look)
        else:
            _draw(answer.screen, screen.drawn, looks)
    except KeyboardInterrupt:
        return


def _looks(options: dict[str, Any]) -> Iterator[Look]:
    """Yield what is seen, until the key q or so many times."""
    left, rows = options["times"], options["rows"]
    with _keys() as pressed:
        while left is None or left > 0:
            left = None if left is None else left - 1
            due, following = at_work.count_due(), at_work.list_due(rows)
            yield Look(
                datetime.now(UTC), due, following, at_work.list_driven(rows), at_work.list_workers()
            )
            if left != 0 and pressed(max(0.1, options["seconds"])) == "q":
                return


@contextmanager
def _keys() -> Iterator[Callable[[float], str]]:
    """Hear single keys, where a terminal is read. What is yielded waits so long for one."""
    if termios is None or not sys.stdin.isatty():
        yield _no_key
        return
    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)
    tty.setcbreak(keyboard)
    try:
        yield (
            lambda seconds: (
                sys.stdin.read(1).lower() if select.select([keyboard], [], [], seconds)[0] else ""
            )
        )
    finally:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)


def _no_key(seconds: float) -> str:
    time.sleep(seconds)
    return ""


def _shape(look: Look) -> Shape:
    return {
        "at": look.at,
        "due": look.due.runs,
        "due_at_least": look.due.at_least,
        "oldest_due_seconds": look.due.oldest_seconds,
        "next": [each._asdict() for each in look.next],
        "driven": [{**each._asdict(), "running_steps": _steps(each)} for each in look.driven],
        "workers": [each._asdict() for each in look.workers],
    }


def _say(answer: Answer, look: Look) -> None:
    answer.screen.say(f"{safe_text.moment(look.at)} UTC: {_head(look)}")
    for title, columns, rows in _tables(look):
        answer.screen.table(columns, rows, title=title)


def _draw(shown_on: Any, drawn: Any, looks: Iterator[Look]) -> None:
    with drawn.live(shown_on) as show:
        for look in looks:
            tables = [
                drawn.drawn_table(columns, rows, title=title)
                for title, columns, rows in _tables(look)
            ]
            show([f"{safe_text.moment(look.at)} UTC   q ends\n{_head(look)}", *tables])


def _head(look: Look) -> str:
    return f"{due_words(look.due)}; {worker_words(look.workers)}"


def _tables(look: Look) -> Iterator[tuple[str, Sequence[str], list[tuple[str, ...]]]]:
    if look.driven:
        yield "driven", DRIVEN, [_driven(each) for each in look.driven]
    if look.next:
        yield "due", DUE, [_due(each, look.at) for each in look.next]
    if look.workers:
        yield "workers", WORKERS, _workers(look)


def _driven(run: at_work.DrivenRun) -> tuple[str, ...]:
    on = f"{run.host}:{run.pid}" if run.host else "?"
    lease = f"{run.lease_seconds:.0f} s" if run.lease_seconds > 0 else "past"
    steps = safe_text.cell(", ".join(_steps(run)) or run.status)
    return (str(run.id), run.workflow, run.state, steps, on, lease)


def _steps(run: at_work.DrivenRun) -> list[str]:
    return [each.name for each in read_shown(run.running_steps, run.attempt)]


def _due(run: at_work.DueRun, now: datetime) -> tuple[str, ...]:
    waited = safe_text.span(max(timedelta(), now - run.due_at))
    return (str(run.id), run.workflow, run.state, waited, run.step_pool)


def _workers(look: Look) -> list[tuple[str, ...]]:
    """Return a row for each worker process."""
    return [
        (
            each.host,
            str(each.pid),
            str(each.id),
            "ok" if each.lives else "silent",
            str(each.driving),
            str(each.slots),
            safe_text.moment(each.started_at),
            ", ".join(each.pools),
        )
        for each in look.workers
    ]
