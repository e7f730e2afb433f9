"""Limits: take a slot or a moment, leave it, and what operators set and see.

The functions of migration 0016 do it, in one statement each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from workflows.core.codec import dumps
from workflows.core.limit import Limit, Rate, Wanted
from workflows.core.run import ClaimedRun
from workflows.store.database import Connection, query, query_one
from workflows.store.fence import holder
from workflows.store.schema import LIVING
from workflows.store.statement import NOW, STATEMENT_TIME, Statement

IDLE_SECONDS = 3600
"""Free slots of a key, and rates that are long past, are forgotten after so long."""


# WITH, since whoever rehearses crashes takes a SELECT for a read.
def _take(slots: str) -> Statement:
    return Statement(
        f"""
        WITH answer AS MATERIALIZED (
            SELECT workflows_take_limits(
                %(run)s::uuid, %(attempt)s::integer, %(position)s::integer, {slots},
                %(rate)s::jsonb, %(parks)s, %(until)s::timestamptz, {NOW}) AS told)
        SELECT told->>'is', told->>'words', (told->>'at')::timestamptz FROM answer
        """
    )


_TAKE = _take("%(slots)s::jsonb")
_ALL_SLOTS = f"""
    SELECT sum(slots) FROM workflows_worker
    WHERE id IN ({LIVING}) AND (workflows IS NULL OR %(workflow)s = ANY(workflows))
"""
# What a share comes to is known at the grant only.
_TAKE_SHARE = _take(
    f"""
    (SELECT jsonb_agg(
        CASE WHEN slot ? 'share'
        THEN jsonb_set(slot, '{{most}}', to_jsonb(greatest(
            1, floor((slot->>'share')::float8 * coalesce(({_ALL_SLOTS}), 0)))))
        ELSE slot END ORDER BY number)
     FROM jsonb_array_elements(%(slots)s::jsonb) WITH ORDINALITY AS given (slot, number))
    """
)
_LEAVE = Statement(
    f"""
    WITH answer AS MATERIALIZED (
        SELECT workflows_leave_limits(
            %(run)s::uuid, %(attempt)s::integer, %(position)s::integer, {NOW}) AS freed)
    SELECT freed FROM answer
    """
)
# Who came to wait while the last slot was being freed was seen by nobody; and a limit may have been raised.
# Who waits for something else by now (its group has failed, and its code goes on) leaves the queue; not who
# is on the way to the pool of its step, to ask again there.
_WAKE = Statement(
    f"""
    WITH elsewhere AS (
        SELECT wait.id FROM workflows_limitwait AS wait JOIN workflows_run AS run ON run.id = wait.run_id
        WHERE run.state = 'waiting' AND run.lease_until IS NULL AND run.step_pool = ''
          AND coalesce(run.waiting_for[1], '') NOT LIKE 'limit %%'
        FOR NO KEY UPDATE OF run, wait SKIP LOCKED),
    left_behind AS (
        DELETE FROM workflows_limitwait WHERE id IN (SELECT id FROM elsewhere)),
    asked AS (
        SELECT name, key, max(most) AS most FROM workflows_limitwait GROUP BY name, key)
    SELECT workflows_wake_waiters(name, key, most, {NOW}) FROM asked
    """
)
# Who waits says what it waits for; whoever has a lock on it is at work on it.
_TELL = Statement(
    """
    WITH waiting AS (
        SELECT run.id, format(
            'limit %%s%%s: %%s of %%s', wait.name,
            CASE wait.key WHEN '' THEN '' ELSE ' (' || left(wait.key, 80) || ')' END,
            (SELECT count(*) FROM workflows_limitslot AS slot
             WHERE slot.name = wait.name AND slot.key = wait.key AND slot.run_id IS NOT NULL),
            coalesce((SELECT most FROM workflows_limitsetting AS setting
                      WHERE setting.name = wait.name), wait.most)) AS words
        FROM workflows_limitwait AS wait JOIN workflows_run AS run ON run.id = wait.run_id
        WHERE wait.name = %(name)s AND run.lease_until IS NULL AND run.waiting_for[1] LIKE 'limit %%'
        ORDER BY run.id FOR NO KEY UPDATE OF run SKIP LOCKED)
    UPDATE workflows_run AS run SET waiting_for = ARRAY[words] FROM waiting WHERE run.id = waiting.id
    """
)
_OLD = f"{STATEMENT_TIME} - interval '{IDLE_SECONDS} seconds'"
_FORGET = Statement(
    f"""
    WITH slots AS (
        DELETE FROM workflows_limitslot WHERE id IN (
            SELECT id FROM workflows_limitslot WHERE run_id IS NULL AND changed_at < {_OLD}
            LIMIT 1000 FOR UPDATE SKIP LOCKED))
    DELETE FROM workflows_limitrate WHERE id IN (
        SELECT id FROM workflows_limitrate WHERE next_at < {_OLD} LIMIT 1000 FOR UPDATE SKIP LOCKED)
    """
)
_SET = Statement(
    f"""
    INSERT INTO workflows_limitsetting (name, most, times, per_seconds, set_at)
    VALUES (%(name)s, %(most)s, %(times)s, %(per_seconds)s, {NOW})
    ON CONFLICT (name) DO UPDATE
    SET most = excluded.most, times = excluded.times, per_seconds = excluded.per_seconds,
        set_at = excluded.set_at
    """
)
_UNSET = Statement("DELETE FROM workflows_limitsetting WHERE name = %(name)s")
_SETTINGS = Statement("SELECT name, most, times, per_seconds FROM workflows_limitsetting")
_USE = Statement(
    """
    SELECT name, sum(taken)::integer, sum(waiting)::integer FROM (
        SELECT name, count(run_id) AS taken, 0 AS waiting FROM workflows_limitslot GROUP BY name
        UNION ALL
        SELECT name, 0, count(*) FROM workflows_limitwait GROUP BY name) AS used
    GROUP BY name
    """
)


@dataclass(frozen=True)
class Taken:
    """It is granted."""


@dataclass(frozen=True)
class Lost:
    """The run is being cancelled, or belongs to somebody else. Nothing was taken."""


@dataclass(frozen=True)
class Full:
    """No slot is free."""

    words: str


@dataclass(frozen=True)
class Later:
    """The rate has its next moment then, which is the run's own now."""

    words: str
    at: datetime


Answer = Taken | Lost | Full | Later


class Use(NamedTuple):
    """How much of a limit is in use, over all its keys."""

    taken: int
    waiting: int


def take(
    run: ClaimedRun,
    position: int,
    *,
    slots: Sequence[Wanted],
    rate: Wanted | None,
    parks: bool,
    until: datetime | None = None,
) -> Answer:
    """Take slots and a moment for an attempt, all or none; one statement, one commit.

    position: of the step; 0 for the run as a whole. parks: where it has to wait, the run has parked, and
    the lease has ended; until: it is due then at the latest.
    """
    shares = any(isinstance(each.rule, Limit) and each.rule.share is not None for each in slots)
    row = query_one(
        _TAKE_SHARE if shares else _TAKE,
        {
            **holder(run),
            "position": position,
            "parks": parks,
            "until": until,
            "slots": _array(slots),
            "rate": None if rate is None else dumps(_told(rate)),
            "workflow": run.workflow,
        },
    )
    assert row is not None  # noqa: S101 - the function always answers
    match row[0]:
        case "taken":
            return Taken()
        case "full":
            return Full(row[1])
        case "later":
            return Later(row[1], row[2])
    return Lost()


def leave(run: ClaimedRun, position: int) -> None:
    """Free what the attempt has taken, and wake who waits for it. Nothing where the lease was lost: it
    is free by then, or somebody else's."""
    query(_LEAVE, {**holder(run), "position": position})


def wake_waiters(on: Connection | None = None) -> None:
    """Wake who waits for slots that are free."""
    query(_WAKE, on=on)


def forget_idle(on: Connection | None = None) -> None:
    """Forget keys that nobody has asked for in a long while."""
    query(_FORGET, on=on)


def set_rule(name: str, rule: Limit | Rate | None) -> None:
    """Let this hold, whatever the code says; None: what the code says."""
    if rule is None:
        query(_UNSET, {"name": name})
        return
    numbers = {"most": None, "times": None, "per_seconds": None}
    told = {key: getattr(rule, key) for key in numbers if hasattr(rule, key)}
    query(_SET, {"name": name} | numbers | told)


def tell_waiters(name: str) -> None:
    """Let those who wait for a slot say how many there are now."""
    query(_TELL, {"name": name})


def load_settings() -> dict[str, tuple[int | None, int | None, float | None]]:
    """Return what was set: most, times and per_seconds by name."""
    return {name: (most, times, per) for name, most, times, per in query(_SETTINGS)}


def load_use() -> dict[str, Use]:
    """Return how much is in use, by name."""
    return {name: Use(taken, waiting) for name, taken, waiting in query(_USE)}


def _array(wanted: Sequence[Wanted]) -> str:
    return dumps([_told(each) for each in wanted])


def _told(wanted: Wanted) -> dict[str, Any]:
    given = {
        name: getattr(wanted.rule, name, None) for name in ("most", "share", "times", "per_seconds")
    }
    told = {name: number for name, number in given.items() if number is not None}
    return {"name": wanted.name, "key": wanted.key, **told}
