"""How a scenario has ended, and where two ends differ."""

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from django.core import mail

from workflows.core.failure import type_name
from workflows.core.history import HistoryEntry, HistoryKind
from workflows.core.line_fields import ERROR
from workflows.core.unwind import StepStopped
from workflows.models import Event, Run
from workflows.store.history import load_history
from workflows.store.views import get_run
from workflows.testing.rows import Tables

_ = HistoryKind
# Missing or repeated after a crash without harm: an event may be there already when the code comes
# to its wait again, and a recovery tells of itself; a wait for newer code is told anew after one. Of a step
# that a cancel has stopped, a worker that dies first tells nothing (_is_stop).
NOT_COMPARED = frozenset(
    kind.value for kind in (_.RECOVERED, _.WAIT_STARTED, _.SLEEP_STARTED, _.CODE_AWAITED)
)
AS_A_SET = frozenset({"effects", "mails"})
"""What may happen more than once."""
ALWAYS_COMPARED = frozenset({"workflow", "state", "history", "events"})

NOTHING = "nothing like it"

Row = dict[str, Any]
Outcome = dict[str, list[Any]]


@dataclass(frozen=True, kw_only=True)
class Observer:
    """What is looked at in the end."""

    observe: Callable[[], Any]
    at_least_once: Callable[[], Iterable[Any]]
    tables: Tables
    before: frozenset[uuid.UUID]
    """Runs that were there already."""

    def outcome(self) -> Outcome:
        """Look at everything."""
        rows = {f"rows of {label}": rows for label, rows in self.tables.changes().items()}
        return {
            "runs": _runs(self.before),
            "observations": [self.observe()],
            "effects": sorted({repr(each) for each in self.at_least_once()}),
            "mails": _mails(),
            **rows,
        }


@dataclass
class Comparison:
    """Compares ends with that of an undisturbed play."""

    expected: Outcome
    _chance: set[tuple[str, str]] = field(default_factory=set)
    """What and which column differ between undisturbed plays too: times, random numbers."""

    def learn(self, again: Outcome) -> None:
        """Take note of what another undisturbed play has otherwise: only whether it is there will
        be compared."""
        for what, rows in self.expected.items():
            others = again[what]
            if not all(isinstance(row, dict) for row in (*rows, *others)):
                continue
            for name in {name for row in rows for name in row} - ALWAYS_COMPARED:
                if _values(rows, name) != _values(others, name):
                    self._chance.add((what, name))

    def difference(self, found: Outcome) -> str | None:
        """Say where an end differs from the undisturbed one; None: nowhere."""
        for what, expected in self.expected.items():
            calm, crashed = self._plain(what, expected), self._plain(what, found[what])
            told = _told(what, calm, crashed)
            if told is not None:
                return told + _advice(what)
        return None

    def _plain(self, what: str, rows: list[Any]) -> list[Any]:
        chance = {name for about, name in self._chance if about == what}
        if not chance:
            return rows
        return [
            {
                name: "…" if name in chance and value is not None else value
                for name, value in row.items()
            }
            for row in rows
        ]


def _runs(before: frozenset[uuid.UUID]) -> list[Row]:
    """Return how every new run ended, without what a crash may change: times and attempts."""
    found = []
    new = Run.objects.exclude(pk__in=before).order_by("pk").values_list("pk", flat=True)
    for run in map(get_run, new):  # opened, where it is encrypted
        events = Event.objects.filter(run=run.id).order_by("name", "key", "id")
        found.append(
            {
                "workflow": run.workflow,
                "state": run.state,
                "status": run.status,
                "output": run.output,
                "error": (run.error or {}).get("message"),
                "compensation_error": (run.compensation_error or {}).get("message"),
                "data": run.data,
                "attributes": run.attributes,
                "history": [
                    (line.kind, line.position, line.part, line.name)
                    for line in load_history(run.id)
                    if line.kind not in NOT_COMPARED and not _is_stop(line)
                ],
                "events": [(event.name, event.position) for event in events],
            }
        )
    return found


def _is_stop(line: HistoryEntry) -> bool:
    told = ERROR.find(line) if line.kind == HistoryKind.STEP_FAILED else None
    return told is not None and told["type"] == type_name(StepStopped)


def _mails() -> list[Row]:
    return [
        {"to": letter.to, "subject": str(letter.subject), "body": str(letter.body)}
        for letter in getattr(mail, "outbox", [])
    ]


def _values(rows: list[Row], name: str) -> list[str]:
    return sorted(repr(row.get(name)) for row in rows)


def _told(what: str, calm: list[Any], crashed: list[Any]) -> str | None:
    """Say in which element the two differ first; None: in none."""
    missing, extra = _less(what, calm, crashed), _less(what, crashed, calm)
    for left, right in zip_longest(missing, extra, fillvalue=NOTHING):
        for each in (left, right):
            before, after = calm.count(each), crashed.count(each)
            if NOTHING in (left, right) and before and after:
                counts = f"{before} undisturbed, {after} after the crash"
                return f"there are {counts} among the {what}: {each}"
        left, right = _differing(left, right)
        return f"the {what} differ\n  undisturbed:     {left}\n  after the crash: {right}"
    return None


def _less(what: str, some: list[Any], others: list[Any]) -> list[Any]:
    """Return what there is more of than among the others; of a set, what they have not at all."""
    if what in AS_A_SET:
        return [each for each in some if each not in others]
    left = list(others)
    found = []
    for each in some:
        if each in left:
            left.remove(each)
        else:
            found.append(each)
    return found


def _differing(calm: Any, crashed: Any) -> tuple[Any, Any]:
    """Leave out what is equal in both."""
    if not isinstance(calm, dict) or not isinstance(crashed, dict):
        return calm, crashed
    names = [name for name in calm if calm[name] != crashed.get(name)]
    return {name: calm[name] for name in names}, {name: crashed.get(name) for name in names}


def _advice(what: str) -> str:
    if not what.startswith("rows of "):
        return ""
    return (
        "\n  Only an atomic step writes its rows exactly once: make it atomic, or name the model "
        "in ignore=[…]."
    )
