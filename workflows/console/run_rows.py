"""A line of the list of runs: where a run is, in words that fit there."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from workflows.api import RunState, RunView, StepState, StepView
from workflows.conf import conf
from workflows.engine.requests.listing import list_recent_steps

MOST_DOTS = 12
_LONGEST = 140


@dataclass(frozen=True, kw_only=True)
class Row:
    """A run as the list shows it."""

    run: RunView
    now: str
    """Where it is: a step, an event, a problem."""
    detail: str
    """What there is to say of that."""
    is_trouble: bool
    dots: Sequence[StepView]
    """Its last steps, with those that its code names and it has not come to."""
    steps_left_out: int
    done: int
    of: int
    age: timedelta
    wake_at: datetime | None
    took: timedelta | None

    @property
    def short_id(self) -> str:
        """The end of its id: runs of one moment begin alike."""
        return f"…{str(self.run.id)[-12:]}"


def rows_of(runs: Sequence[RunView], now: datetime) -> list[Row]:
    """Return the lines of a page of runs: one query for all their steps."""
    steps = list_recent_steps(runs, decrypt=conf().admin_decrypts)
    return [row_of(run, steps[run.id], now) for run in runs]


def row_of(run: RunView, steps: Sequence[StepView], now: datetime) -> Row:
    """Return the line of one run."""
    where, detail = where_it_is(run, steps)
    reached = next((i for i, step in enumerate(steps) if step.position is None), len(steps))
    first = max(0, min(reached - MOST_DOTS // 2, len(steps) - MOST_DOTS))
    return Row(
        run=run,
        now=where,
        detail=brief(detail),
        is_trouble=run.state in _TROUBLE,
        dots=steps[first : first + MOST_DOTS],
        steps_left_out=max(0, len(steps) - MOST_DOTS),
        done=sum(step.state == StepState.COMPLETED for step in steps),
        of=len(steps),
        age=now - run.created_at,
        wake_at=None if run.is_over or run.state == RunState.RUNNING else run.wake_at,
        took=run.duration or (None if run.started_at is None else now - run.started_at),
    )


def where_it_is(run: RunView, steps: Sequence[StepView]) -> tuple[str, str]:
    """Return where a run is, and what there is to say of that."""
    if run.error and run.state in _TROUBLE:
        failed = [step for step in steps if step.state == StepState.FAILED and step.error]
        told = failed[-1].error if failed else None
        words = told or run.error
        problem = f"{short_type(words)}: {words.get('message', '')}"
        return (failed[-1].name, problem) if failed else (short_type(words), words["message"])
    if run.is_over:
        return run.status or _ENDS.get(run.state, str(run.state)), ""
    for wanted in (StepState.RUNNING, StepState.COMPENSATING, StepState.WAITING):
        step = next((each for each in steps if each.state == wanted), None)
        if step is not None:
            return step.name, _try_of(step)
    if run.state == RunState.PAUSED:
        return run.status or "set aside", ""
    if run.waiting_for:
        names = [each for each in run.waiting_for if not each.startswith("child:")]
        return ", ".join(names) or "a child run", "waits for it"
    if run.state == RunState.WAITING:
        return run.status or "asleep", ""
    return run.status or ("in the queue" if run.state == RunState.PENDING else ""), ""


def brief(text: str) -> str:
    """Return a text on one line, cut."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def short_type(error: dict[str, object]) -> str:
    """Return the class of an error without its module."""
    return str(error.get("type", "unknown")).rpartition(".")[2]


def _try_of(step: StepView) -> str:
    number = step.attempts + (step.state != StepState.WAITING)
    if step.error is None:
        return "under way" if step.state == StepState.RUNNING else "being undone"
    return f"{short_type(step.error)}, try {number}"


_ENDS = {RunState.COMPLETED: "Done", RunState.COMPENSATED: "Undone", RunState.CANCELLED: "Stopped"}
_TROUBLE = (RunState.FAILED, RunState.BLOCKED)
