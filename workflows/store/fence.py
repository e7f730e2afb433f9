"""The guard of every write of a drive: the run's row, locked in the same statement.

A mere sub-select would let a concurrent claim pass and the line appear behind it. The second form
also stores what the workflow keeps (data, attributes), at the price of a new row version; it is
taken only where that has changed.

Whoever sends an event locks the run's row until his transaction ends. A drive waits for that a short
while only: it would keep its worker from all other runs.
"""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from django.db import connection
from psycopg.pq import TransactionStatus

from workflows.core.run import ClaimedRun
from workflows.core.states import HELD_STATES, RunState
from workflows.store.database import Connection, query, query_one
from workflows.store.sealing import sealed_text
from workflows.store.statement import Statement, one_of

KEEP_NOTES = (
    "data = coalesce(%(note_data)s::jsonb, data), "
    "attributes = coalesce(%(note_attributes)s::jsonb, attributes)"
)
"""In an UPDATE of the run: store what has changed of its notes."""

LOCK_WAIT_SECONDS = 3
"""So long a drive waits for others who have locked a run's row; then the run goes back to the queue."""


def wait_at_most(seconds: str) -> str:
    """Return a condition that always holds and bounds the waits for locks, to the end of the
    transaction; seconds: SQL. Said by the statement itself, it costs no round trip and stays with no
    pooled connection."""
    return f"(SELECT set_config('lock_timeout', {seconds} || 's', true)) IS NOT NULL"


@contextmanager
def callers_lock_timeout() -> Iterator[None]:
    """Drive inside a caller's transaction: its own lock_timeout holds again behind the block, where
    wait_at_most would go on to the transaction's end."""
    if not connection.in_atomic_block:
        yield
        return
    [[before]] = query(_LOCK_TIMEOUT)
    try:
        yield
    finally:
        if connection.connection.info.transaction_status == TransactionStatus.INTRANS:
            query(_SET_LOCK_TIMEOUT, [before])


_LOCK_TIMEOUT = Statement("SELECT current_setting('lock_timeout')")
_SET_LOCK_TIMEOUT = Statement("SELECT set_config('lock_timeout', %s, true)")
WAITS_BRIEFLY = wait_at_most(f"'{LOCK_WAIT_SECONDS}'")


def still_held(states: Collection[RunState] = HELD_STATES) -> str:
    """Return the condition that this drive holds the run still, in one of these states."""
    return f"id = %(run)s AND attempt = %(attempt)s AND state IN {one_of(states)}"


def held(states: Collection[RunState] = HELD_STATES) -> str:
    """Return still_held for a statement that locks the row, and waits for it a short while only."""
    return f"{still_held(states)} AND {WAITS_BRIEFLY}"


def holder(run: ClaimedRun) -> dict[str, Any]:
    """Return the parameters of held."""
    return {"run": run.id, "attempt": run.attempt}


IF_EVENTS = "(%(if_events)s::integer IS NULL OR events = %(if_events)s::integer)"
"""The event counter is still the one given, where one is."""

HEARD = f"""
    CASE WHEN pausing AND state = '{RunState.RUNNING}' THEN '{RunState.PAUSED}' ELSE state END AS state
"""
"""What a drive hears of its run's state: that of one which is to pause is paused already."""
_LOCK = f"""
    fence AS (
        SELECT id, {HEARD}, events FROM workflows_run
        WHERE {{held}} AND {IF_EVENTS} FOR NO KEY UPDATE {{unless}})
"""
_LOCK_IF_FREE = _LOCK.format(held=still_held(), unless="SKIP LOCKED")
_LOCK_OR_WAIT = _LOCK.format(held=held(), unless="")
_KEEP = f"""
    fence AS (
        UPDATE workflows_run SET {KEEP_NOTES}
        WHERE {held()} AND {IF_EVENTS} RETURNING id, {HEARD}, events)
"""


class Notes(NamedTuple):
    """What the workflow keeps on its run, as JSON texts; None: unchanged."""

    data: str | None = None
    attributes: str | None = None

    def params(self, run: ClaimedRun) -> dict[str, Any]:
        """Return the parameters of KEEP_NOTES. Attributes are searched by, and are never encrypted."""
        data = None if self.data is None else sealed_text(run.chain_root, "data", self.data)
        return {"note_data": data, "note_attributes": self.attributes}


UNCHANGED = Notes()


class Beside(NamedTuple):
    """What a fence that stands in a transaction beside ours has told: of this run, to its end."""

    state: str
    events: int


_BESIDE = Statement(f"WITH {_LOCK_OR_WAIT} SELECT state, events FROM fence")
_TOLD = (
    "fence AS (SELECT %(run)s::uuid AS id, %(state)s::text AS state, %(events)s::integer AS events)"
)


def lock_beside(run: ClaimedRun, own: Connection) -> Beside | None:
    """Lock the run's row in the open transaction of another connection. None: the lease is lost."""
    row = query_one(_BESIDE, holder(run) | {"if_events": None}, on=own)
    return None if row is None else Beside(*row)


class Fenced:
    """A statement behind the fence, in its forms. `rest` follows `WITH fence AS (…), `."""

    def __init__(self, rest: str) -> None:
        self._told = Statement(f"WITH {_TOLD}, {rest}")
        self._if_free = Statement(f"WITH {_LOCK_IF_FREE}, {rest}")
        self._or_wait = Statement(f"WITH {_LOCK_OR_WAIT}, {rest}")
        self._keeping = Statement(f"WITH {_KEEP}, {rest}")

    def send(
        self,
        run: ClaimedRun,
        params: Mapping[str, Any],
        *,
        notes: Notes = UNCHANGED,
        if_events: int | None = None,
    ) -> tuple[Any, ...] | None:
        """Send it for this run and return its row. None: it was refused.

        The row of the run is free nearly always, and the bound on the wait for it is a tenth of what
        the statement costs: so that is asked for only where nothing was found at first.
        """
        given = {**holder(run), "if_events": if_events, **params}
        if notes != UNCHANGED:
            return query_one(self._keeping, given | notes.params(run))
        return query_one(self._if_free, given) or query_one(self._or_wait, given)

    def send_beside(
        self, run: ClaimedRun, params: Mapping[str, Any], beside: Beside
    ) -> tuple[Any, ...] | None:
        """Send it where the fence stands in a transaction beside this one."""
        return query_one(self._told, {**holder(run), **params, **beside._asdict()})
