"""The guard of every write of a drive: the run's row, locked in the same statement.

A mere sub-select would let a concurrent claim pass and the line appear behind it. The second form
also stores what the workflow keeps (data, attributes), at the price of a new row version; it is
taken only where that has changed.
"""

from collections.abc import Sequence
from typing import NamedTuple

from workflows.core.run import ClaimedRun

_HELD = """
    id = %s AND attempt = %s AND state IN ('running', 'cancelling', 'compensating')
      AND (%s::integer IS NULL OR events = %s::integer)
"""
_LOCK = f"fence AS (SELECT id, state, events FROM workflows_run WHERE {_HELD} FOR NO KEY UPDATE)"
_KEEP = f"""
    fence AS (
        UPDATE workflows_run
        SET data = coalesce(%s::jsonb, data), attributes = coalesce(%s::jsonb, attributes)
        WHERE {_HELD} RETURNING id, state, events)
"""


class Notes(NamedTuple):
    """What the workflow keeps on its run, as JSON texts; None: unchanged."""

    data: str | None = None
    attributes: str | None = None


UNCHANGED = Notes()


class Fenced:
    """A statement behind the fence, in both forms. `rest` follows `WITH fence AS (…)`."""

    def __init__(self, rest: str) -> None:
        self._plain, self._keeping = f"WITH {_LOCK} {rest}", f"WITH {_KEEP} {rest}"

    def bind(
        self,
        run: ClaimedRun,
        params: Sequence[object],
        *,
        notes: Notes = UNCHANGED,
        if_events: int | None = None,
    ) -> tuple[str, list[object]]:
        """Return the SQL and its parameters for this run."""
        held: list[object] = [run.id, run.attempt, if_events, if_events]
        if notes == UNCHANGED:
            return self._plain, [*held, *params]
        return self._keeping, [notes.data, notes.attributes, *held, *params]
