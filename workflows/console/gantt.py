"""When a run did what: a row for each operation, with each attempt and each wait apart."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from workflows.api import HistoryEntry, HistoryKind, RunView, StepState, StepView
from workflows.core.line_fields import ATTEMPT, NAMES, RETRY_AT
from workflows.core.lines import attempt_began
from workflows.ui.times import length

MOST_ROWS = 60
"""The last of them: more rows are no picture."""
THINNEST = 0.4
"""Percent: a span that took no time must be seen."""
TICKS = 4


@dataclass(kw_only=True)
class Span:
    """An attempt, or a wait."""

    state: str
    words: str
    begin: datetime
    end: datetime
    is_open: bool = False

    @property
    def is_quiet(self) -> bool:
        """Whether nothing is done meanwhile."""
        return self.state in QUIET

    @property
    def took(self) -> timedelta:
        """How long it lasted, or has lasted."""
        return self.end - self.begin


@dataclass(kw_only=True)
class Bar:
    """One row."""

    name: str
    position: int | None
    spans: list[Span] = field(default_factory=list)

    @property
    def state(self) -> str:
        """The state of its last span."""
        return self.spans[-1].state

    @property
    def took(self) -> timedelta:
        """From its first begin to its last end."""
        return self.spans[-1].end - self.spans[0].begin

    @property
    def words(self) -> str:
        """All of it, for who does not see it."""
        return "; ".join(f"{span.words}, {length(span.took)}" for span in self.spans)


@dataclass(frozen=True)
class Gantt:
    """Rows on one axis."""

    bars: Sequence[Bar]
    begin: datetime
    end: datetime
    since_retry: datetime | None
    """What was before that retry is left out: days between would hide the rest."""
    left_out: int

    def place(self, span: Span) -> tuple[str, str]:
        """Return where a span begins and how wide it is, in percent."""
        whole = max((self.end - self.begin).total_seconds(), 0.001)
        begin = (span.begin - self.begin).total_seconds() / whole * 100
        width = max(span.took.total_seconds() / whole * 100, THINNEST)
        return f"{min(begin, 100 - THINNEST):.3f}%", f"{min(width, 100.0):.3f}%"

    @property
    def ticks(self) -> list[tuple[str, str]]:
        """Places on the axis with what they mean."""
        each = (self.end - self.begin) / TICKS
        return [(f"{100 * n / TICKS:.0f}%", length(each * n) if n else "0") for n in range(TICKS)]

    @property
    def rows(self) -> list[tuple[Bar, list[tuple[Span, str, str]]]]:
        """The bars, each with its spans and where they are: waits first, so that short attempts lie on top."""
        return [
            (bar, [(span, *self.place(span)) for span in _below_first(bar)]) for bar in self.bars
        ]


def gantt_of(
    run: RunView,
    lines: Sequence[HistoryEntry],
    steps: Iterable[StepView],
    now: datetime,
    *,
    whole: bool = False,
) -> Gantt | None:
    """Return the picture of a run since its last retry, or whole; None: it has done nothing yet."""
    retries = [n for n, line in enumerate(lines) if line.kind == HistoryKind.RETRIED]
    since = lines[retries[-1]].at if retries and not whole else None
    drawn = _Drawing(now, is_over=run.is_over)
    if since is None and run.started_at is not None:
        drawn.begin(("", 0), "in the queue", "pending", run.created_at)
        drawn.close(("", 0), run.started_at)
    for line in lines[retries[-1] if since else 0 :]:
        drawn.add(line)
    for step in steps:
        drawn.add_running(step)
    bars = drawn.finished()
    if not bars:
        return None
    shown = bars[-MOST_ROWS:]
    begin = min(span.begin for bar in shown for span in bar.spans)
    end = max(span.end for bar in shown for span in bar.spans)
    return Gantt(shown, begin, end, since, len(bars) - len(shown))


def _below_first(bar: Bar) -> list[Span]:
    return sorted(bar.spans, key=lambda span: span.state not in QUIET)


QUIET = {"waiting", "pending", "paused"}
"""States in which nothing is done."""
Key = tuple[str, int]


class _Drawing:
    """Rows as the lines of history make them, in the order in which they began."""

    def __init__(self, now: datetime, *, is_over: bool) -> None:
        self._now, self._is_over = now, is_over
        self._bars: dict[Key, Bar] = {}

    def add(self, line: HistoryEntry) -> None:
        kind, at = line.kind, line.at
        key: Key = ("undo" if line.is_undo else "", line.position or 0)
        name = f"undo {line.name}" if line.is_undo else line.name
        if kind in _ENDS:
            number = ATTEMPT.find(line)
            words = f"attempt {number} failed" if number else _ENDS[kind][1]
            self._span(key, name, _ENDS[kind][0], words, attempt_began(line) or at, at)
            if retry_at := RETRY_AT.find(line):
                self._span(key, name, "waiting", "waits for the next attempt", at, retry_at)
                self._bars[key].spans[-1].is_open = True
        elif kind in _WAITS:
            named = (
                ", ".join(NAMES.find(line) or []) if kind == HistoryKind.WAIT_STARTED else "sleep"
            )
            self.begin(key, named, _WAITS[kind], at)
        elif kind in (
            HistoryKind.EVENT_RECEIVED,
            HistoryKind.WAIT_TIMED_OUT,
            HistoryKind.SLEEP_ENDED,
        ):
            self.close(key, at)
        elif kind == HistoryKind.PAUSED:
            self.begin(("paused", line.id), "paused", "paused", at)
        elif kind == HistoryKind.RESUMED:
            for each in [each for each in self._bars if each[0] == "paused"]:
                self.close(each, at)

    def begin(self, key: Key, name: str, state: str, at: datetime) -> None:
        """A wait begins, of which nobody knows yet how long it is."""
        self._span(
            key, name, state, "in the queue" if state == "pending" else "waits", at, self._now
        )
        self._bars[key].spans[-1].is_open = True

    def close(self, key: Key, at: datetime) -> None:
        """A wait ends, if one had begun."""
        bar = self._bars.get(key)
        if bar is not None and bar.spans and bar.spans[-1].is_open:
            bar.spans[-1].end, bar.spans[-1].is_open = at, False

    def add_running(self, step: StepView) -> None:
        if step.state == StepState.RUNNING and step.running_since and step.position:
            key, since = ("", step.position), step.running_since
            self._span(key, step.name, "running", "under way", since, max(since, self._now))
            self._bars[key].spans[-1].is_open = True

    def finished(self) -> list[Bar]:
        """Return the rows; what is open ends now, or with the run."""
        for bar in self._bars.values():
            last = bar.spans[-1]
            if last.is_open and last.words == "waits for the next attempt":
                last.end = (
                    last.begin if self._is_over else max(last.begin, min(last.end, self._now))
                )
            elif last.is_open and self._is_over:
                last.end = last.begin
        return list(self._bars.values())

    def _span(
        self, key: Key, name: str, state: str, words: str, begin: datetime, end: datetime
    ) -> None:
        position = key[1] if key[0] != "paused" else None
        bar = self._bars.setdefault(key, Bar(name=name, position=position or None))
        self.close(key, begin)
        bar.spans.append(Span(state=state, words=words, begin=begin, end=end))


_ = HistoryKind
_ENDS = {
    _.STEP_COMPLETED: ("completed", "completed"),
    _.STEP_FAILED: ("failed", "failed"),
    _.ATTEMPT_FAILED: ("failed", "an attempt failed"),
    _.COMPENSATION_COMPLETED: ("compensated", "undone"),
    _.COMPENSATION_ATTEMPT_FAILED: ("failed", "an attempt failed"),
}
"""Lines that end an attempt: its state, and its words."""
_WAITS = {_.WAIT_STARTED: "waiting", _.SLEEP_STARTED: "waiting"}
