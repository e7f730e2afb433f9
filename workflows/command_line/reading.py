"""list, show, timeline and why: nothing changes."""

from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from workflows import api
from workflows.command_line import safe_text
from workflows.command_line.filter_arguments import add_filter, read_filter
from workflows.command_line.screen import Answer
from workflows.command_line.shapes import line_shape, reason_shape, run_shape, whole_run

PAGE = 500
ARGUMENTS = "arguments"
"""In a line of history: digests, which say nothing to people."""
COLUMNS = ("id", "workflow", "state", "what", "created", "took")


def add_list(parser: ArgumentParser) -> None:
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="the newest N (50)")
    parser.add_argument("--after", metavar="RUN", help="those that are older than this run")
    add_decrypt(parser)
    add_filter(parser)


def add_decrypt(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--decrypt", action="store_true", help="show what is encrypted, as far as its key is here"
    )


def list_runs(answer: Answer, options: dict[str, Any]) -> None:
    """Print the newest runs that a filter finds."""
    found = _runs(options)
    if answer.in_json:
        for run in found:
            answer.json(run_shape(run))
        return
    rows = [_row(run) for run in found]
    if not rows:
        answer.screen.say("no run matches")
        return
    answer.screen.table(COLUMNS, rows)
    if len(rows) == options["limit"]:
        answer.screen.say(f"the newest {len(rows):,}; older ones: --after {rows[-1][0]}")


def _runs(options: dict[str, Any]) -> Iterator[api.RunView]:
    left, after = options["limit"], options["after"]
    if left < 1:
        raise api.InvalidInput(f"--limit is {left}; give 1 or more")
    wanted, decrypt = read_filter(options), options["decrypt"]
    while left > 0:
        page = api.list_runs(limit=min(PAGE, left), after=after, decrypt=decrypt, **wanted)
        yield from page
        if not page:
            return
        left, after = left - len(page), page[-1]


def _row(run: api.RunView) -> tuple[str, ...]:
    took = safe_text.span(run.duration)
    return (
        str(run.id),
        run.workflow,
        run.state.value,
        what(run),
        safe_text.moment(run.created_at),
        took,
    )


def what(run: api.RunView) -> str:
    """Return in a few words what there is to be said of a run: its error, what it waits for, its status."""
    error = run.compensation_error or run.error
    if error:
        return safe_text.cell(f"{error.get('type', '')}: {error.get('message', '')}")
    if not run.is_over and run.code_missing:
        return "no living worker has its code"
    if not run.is_over and run.waiting_for:
        return safe_text.cell(f"waits for {', '.join(run.waiting_for)}")
    return safe_text.cell(run.status)


def add_run(parser: ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="its id")
    add_decrypt(parser)


def show(answer: Answer, options: dict[str, Any]) -> None:
    """Print one run: what it is, why it is where it is, its steps."""
    decrypt = options["decrypt"]
    run = api.get_run(options["run"], decrypt=decrypt)
    steps, reason = api.list_steps(run, decrypt=decrypt), api.why(run, decrypt=decrypt)
    if answer.in_json:
        answer.json(whole_run(run, steps, reason))
        return
    answer.screen.facts(_facts(run))
    answer.screen.say(f"\n{reason.sentence}" + (f"\n{reason.advice}" if reason.advice else ""))
    if steps:
        columns = ("at", "step", "state", "attempts", "began", "took", "what")
        answer.screen.table(columns, map(_step, steps), title="steps")


def _facts(run: api.RunView) -> Iterator[tuple[str, str]]:
    yield "run", str(run.id)
    yield "workflow", f"{run.workflow} version {run.version}"
    yield "state", run.state.value
    yield "status", run.status
    for name in ("key", "owner", "tenant", "subject", "forked_from", "parent_id", "continued_as"):
        yield name, str(getattr(run, name) or "")
    yield "tags", ", ".join(run.tags)
    for name in ("created_at", "started_at", "finished_at", "wake_at", "deadline"):
        yield name, safe_text.moment(getattr(run, name))
    yield "took", safe_text.span(run.duration)
    yield "priority", str(run.priority or "")
    for name in ("progress", "attributes", "data", "input", "output"):
        held = getattr(run, name)
        yield name, "" if held in (None, {}) else safe_text.value(held)
    for name in ("error", "compensation_error"):
        error = getattr(run, name) or {}
        yield name, f"{error.get('type')}: {error.get('message')}" if error else ""


def _step(step: api.StepView) -> tuple[str, ...]:
    error = step.compensation_error or step.error
    told = f"{error.get('type')}: {error.get('message')}" if error else ""
    if step.host and step.state is api.StepState.RUNNING:
        told = f"on {step.host}, pid {step.pid}"
    return (
        str(step.position or ""),
        step.name,
        step.state.value,
        str(step.attempts or ""),
        safe_text.moment(step.started_at),
        safe_text.span(step.duration),
        safe_text.cell(told),
    )


def timeline(answer: Answer, options: dict[str, Any]) -> None:
    """Print the history of a run, oldest line first."""
    lines = api.get_history(options["run"], decrypt=options["decrypt"])
    if answer.in_json:
        for line in lines:
            answer.json(line_shape(line))
        return
    began = lines[0].at if lines else None
    rows = [_line(line, line.at - began if began else timedelta()) for line in lines]
    if not rows:
        answer.screen.say("it has done nothing so far")
        return
    answer.screen.table(("when", "after", "at", "line", "name", "data"), rows)


def _line(line: api.HistoryEntry, since: timedelta) -> tuple[str, ...]:
    told = {name: each for name, each in line.data.items() if name != ARGUMENTS}
    held = safe_text.cell(safe_text.value(told)) if told else ""
    at = "" if line.position is None else str(line.position)
    return (
        safe_text.moment(line.at),
        safe_text.span(since),
        at,
        line.kind.value,
        safe_text.cell(line.name),
        held,
    )


def why(answer: Answer, options: dict[str, Any]) -> None:
    """Print why a run does not move, and what helps."""
    reason = api.why(options["run"], decrypt=options["decrypt"])
    if answer.in_json:
        answer.json(reason_shape(reason))
    else:
        answer.screen.say(reason.sentence)
        if reason.advice:
            answer.screen.say(reason.advice)
