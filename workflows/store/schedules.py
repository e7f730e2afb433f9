"""Schedules: what is due, and how each row goes on. The chore writes on the pusher's connection, the
verbs on Django's."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from workflows.core.codec import as_text, dumps, loads
from workflows.core.errors import InvalidInput
from workflows.core.schedule import Rules, Schedule
from workflows.core.states import FINAL_STATES, RunState
from workflows.core.timing import Timing
from workflows.store.database import Connection, query, query_one
from workflows.store.schema import CHANNEL, RUNG_FOR_SCHEDULES
from workflows.store.sealing import Opener, sealed_text, sealer
from workflows.store.sealing import owner_of_schedule as owner_of
from workflows.store.statement import NOW, STATEMENT_TIME, Statement

PUT_OFF_SECONDS = 60
"""Until a schedule is tried again that could not be started."""
_TIMING = ("cron", "zone", "every_seconds", "at")
_RULES = ("workflow", "overlap", "catch_up_seconds", "jitter_seconds", "pause_on_failure")
_STORY = (
    *("removed", "paused_at", "paused_by", "pause_note", "done_until", "next_tick", "next_at"),
    *(
        "last_tick",
        "last_run_id",
        "open_runs",
        "waiting",
        "started",
        "skipped",
        "missed",
        "problem",
    ),
)
"""Columns whose names and values are those of a Schedule."""
_WRITTEN = (*_TIMING, *_RULES, *_STORY)
_SELECTED = f"""
    SELECT name, input::text, declared::text, {", ".join(_WRITTEN)}, {NOW} FROM workflows_schedule
"""
_READY = "paused_at IS NULL AND NOT removed AND workflow = ANY(%(workflows)s)"
_TAKE = Statement(
    f"""
    {_SELECTED} WHERE {_READY} AND next_at <= {STATEMENT_TIME}
    ORDER BY next_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
    """
)
_NEXT = Statement(
    f"SELECT extract(epoch FROM min(next_at) - {NOW})::float8 FROM workflows_schedule WHERE {_READY}"
)
_LATE = Statement(
    f"""
    SELECT name, workflow, extract(epoch FROM {NOW} - next_at)::float8 FROM workflows_schedule
    WHERE paused_at IS NULL AND NOT removed
      AND next_at < {STATEMENT_TIME} - %s * interval '1 second'
    ORDER BY name
    """
)
_LOCK = Statement(f"{_SELECTED} WHERE name = %s FOR NO KEY UPDATE")
_LIST = Statement(f"{_SELECTED} WHERE %(name)s::text IS NULL OR name = %(name)s ORDER BY name")
_DECLARED = Statement("SELECT name, declared::text, removed, workflow FROM workflows_schedule")
_MOMENT = Statement(f"SELECT {NOW}")
_JSON = {"input": "%(input)s::jsonb", "declared": "%(declared)s::jsonb"}
_VALUES = _JSON | {column: f"%({column})s" for column in _WRITTEN}
_SAVE = Statement(
    f"""
    UPDATE workflows_schedule SET {", ".join(f"{each} = {sql}" for each, sql in _VALUES.items())}
    WHERE name = %(name)s
    """
)
_ADD = Statement(
    f"""
    INSERT INTO workflows_schedule (name, created_at, {", ".join(_VALUES)})
    VALUES (%(name)s, {NOW}, {", ".join(_VALUES.values())})
    ON CONFLICT (name) DO NOTHING RETURNING id
    """
)
_DELETE = Statement("DELETE FROM workflows_schedule WHERE name = %s RETURNING id")
_PUT_OFF = Statement(
    f"""
    UPDATE workflows_schedule
    SET problem = %s, next_at = {NOW} + interval '{PUT_OFF_SECONDS} seconds' WHERE name = %s
    """
)
_RING = Statement(f"SELECT pg_notify({CHANNEL}, '{RUNG_FOR_SCHEDULES}')")
_LIVING_ENDS = Statement(
    """
    WITH RECURSIVE chain AS (
        SELECT id, state, error, continued_as FROM workflows_run WHERE id = ANY(%s)
        UNION ALL
        SELECT run.id, run.state, run.error, run.continued_as
        FROM workflows_run AS run JOIN chain ON run.id = chain.continued_as)
    SELECT id, state, error IS NOT NULL FROM chain WHERE continued_as IS NULL
    """
)


Check = Callable[[str, Opener], None]
"""What to do about a schedule, by its name, whose input cannot be opened."""


class Stored(NamedTuple):
    """A row, and when it was read."""

    schedule: Schedule
    declared: dict[str, Any] | None
    """What the code last said of it; None: it is no code's."""
    now: datetime
    """The database's clock."""


class UnreadableSchedule(InvalidInput):
    """A row that was written past the engine says what cannot be."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(name, why)
        self.name, self.why = name, why

    def __str__(self) -> str:
        return f"schedule {self.name!r}: {self.why}"


class RunOfSchedule(NamedTuple):
    """A run that a schedule has started, or the one that took over from it."""

    id: UUID
    state: RunState
    has_error: bool

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.state in FINAL_STATES

    @property
    def has_failed(self) -> bool:
        """Whether it ended by a failure, undone or not."""
        undone = self.state == RunState.COMPENSATED and self.has_error
        return self.state == RunState.FAILED or undone


def take_due(workflows: Collection[str], *, on: Connection | None) -> Stored | None:
    """Lock the schedule that has been due longest, of these workflows. None: there is none, or
    others are at it."""
    row = query_one(_TAKE, {"workflows": list(workflows)}, on=on)
    return None if row is None else _stored(row, _strict)


def next_seconds(workflows: Collection[str], *, on: Connection | None) -> float | None:
    """Return in how many seconds the next schedule of these workflows is due (negative: it is);
    None: none ever is."""
    [[seconds]] = query(_NEXT, {"workflows": list(workflows)}, on=on)
    return None if seconds is None else float(seconds)


def list_late(seconds: float, *, on: Connection | None) -> list[tuple[str, str, float]]:
    """Return name, workflow and delay of the schedules that nobody has looked after for so long."""
    return [(name, workflow, late) for name, workflow, late in query(_LATE, [seconds], on=on)]


def lock(name: str, *, on: Connection | None = None) -> Stored | None:
    """Lock a schedule to the end of the transaction. None: there is none of that name. Raises
    UnreadableSchedule, here and in take_due."""
    row = query_one(_LOCK, [name], on=on)
    return None if row is None else _stored(row, _strict)


def read(
    name: str | None = None, *, decrypt: bool = True, on: Connection | None = None
) -> list[Stored]:
    """Return all schedules by their names, or the one of a name; an input that cannot be decrypted here
    is shown as Encrypted."""
    rows = query(_LIST, {"name": name}, on=on)
    return [_stored(row, _shown, decrypt=decrypt) for row in rows]


def list_declared(*, on: Connection | None) -> list[tuple[str, dict[str, Any] | None, bool, str]]:
    """Return of all schedules the name, what the code last said, whether it was removed, the workflow."""
    return [
        (name, _opened_rules(name, said, _shown), removed, workflow)
        for name, said, removed, workflow in query(_DECLARED, on=on)
    ]


def moment(*, on: Connection | None = None) -> datetime:
    """Return the time by the database's clock."""
    [[now]] = query(_MOMENT, on=on)
    assert isinstance(now, datetime)  # noqa: S101 - for type checkers
    return now


def save(
    schedule: Schedule, declared: Mapping[str, Any] | None, *, on: Connection | None = None
) -> None:
    """Write a schedule whose row is locked."""
    query(_SAVE, _params(schedule, declared), on=on)


def add(
    schedule: Schedule, declared: Mapping[str, Any] | None, *, on: Connection | None = None
) -> bool:
    """Write a new schedule. False: there is one of that name."""
    return query_one(_ADD, _params(schedule, declared), on=on) is not None


def delete(name: str) -> bool:
    """Delete a schedule; its runs stay. False: there is none of that name."""
    return query_one(_DELETE, [name]) is not None


def put_off(name: str, problem: str, *, on: Connection | None) -> None:
    """Leave a schedule that could not be started alone for a while."""
    query(_PUT_OFF, [problem, name], on=on)


def ring(*, on: Connection | None = None) -> None:
    """Wake the pushers, so that they look when the next schedule is due."""
    query(_RING, on=on)


def living_ends(runs: Sequence[UUID], *, on: Connection | None) -> list[RunOfSchedule]:
    """Return what became of runs; in the place of one that went on by continue_as_new, who took over."""
    if not runs:
        return []
    return [
        RunOfSchedule(run_id, RunState(state), has_error)
        for run_id, state, has_error in query(_LIVING_ENDS, [list(runs)], on=on)
    ]


def _strict(name: str, opener: Opener) -> None:
    if opener.failed is not None:
        raise UnreadableSchedule(name, str(opener.failed))


def _shown(name: str, opener: Opener) -> None:
    pass


def _opened_rules(
    name: str, said: str | None, check: Check, *, decrypt: bool = True
) -> dict[str, Any] | None:
    if said is None:
        return None
    rules: dict[str, Any] = loads(said)
    if "input" in rules:
        opener = Opener(owner_of(name), decrypt=decrypt)
        rules["input"] = opener.value(rules["input"], "input")
        check(name, opener)
    return rules


def _stored(row: Sequence[Any], check: Check, *, decrypt: bool = True) -> Stored:
    name, input, declared, *values, now = row
    told = dict(zip(_WRITTEN, values, strict=True))
    opener = Opener(owner_of(name), decrypt=decrypt)
    rules = _rules(name, told, opener.value(loads(input), "input"))
    check(name, opener)
    told["open_runs"], told["waiting"] = tuple(told["open_runs"]), tuple(told["waiting"])
    schedule = Schedule(name=name, rules=rules, in_code=declared is not None, **told)
    return Stored(schedule, _opened_rules(name, declared, check, decrypt=decrypt), now)


def _rules(name: str, told: dict[str, Any], input: dict[str, Any]) -> Rules:
    """Take the rules out of what a row tells."""
    timing = {column: told.pop(column) for column in _TIMING}
    rules = {column: told.pop(column) for column in _RULES}
    try:
        return Rules(timing=Timing(**timing), input=input, **rules)
    except InvalidInput as exc:
        raise UnreadableSchedule(name, str(exc)) from None


def _sealed_input(name: str, input: Mapping[str, Any]) -> str:
    text = dumps(dict(input))
    return sealed_text(owner_of(name), "input", text) or text


def _sealed_rules(name: str, declared: Mapping[str, Any]) -> str:
    sealing = sealer(owner_of(name))
    if sealing is None or not declared.get("input"):
        return dumps(dict(declared))
    return as_text({**declared, "input": sealing.value(declared["input"], "input")})


def _params(schedule: Schedule, declared: Mapping[str, Any] | None) -> dict[str, Any]:
    rules = schedule.rules
    return {
        "name": schedule.name,
        "input": _sealed_input(schedule.name, rules.input),
        "declared": None if declared is None else _sealed_rules(schedule.name, declared),
        **{column: getattr(rules.timing, column) for column in _TIMING},
        **{column: getattr(rules, column) for column in _RULES},
        **{column: getattr(schedule, column) for column in _STORY},
        "overlap": str(rules.overlap),
        "open_runs": list(schedule.open_runs),
        "waiting": list(schedule.waiting),
    }
