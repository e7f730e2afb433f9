"""The guard of every write of a drive: the run's row, locked in the same statement.

A mere sub-select would let a concurrent claim pass and the line appear behind it. The second form
also stores what the workflow keeps (data, attributes), at the price of a new row version; it is
taken only where that has changed.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from workflows.core.run import ClaimedRun
from workflows.store.statement import Statement

KEEP_NOTES = (
    "data = coalesce(%(note_data)s::jsonb, data), "
    "attributes = coalesce(%(note_attributes)s::jsonb, attributes)"
)
"""In an UPDATE of the run: store what has changed of its notes."""

_HELD = """
    id = %(run)s AND attempt = %(attempt)s AND state IN ('running', 'cancelling', 'compensating')
      AND (%(if_events)s::integer IS NULL OR events = %(if_events)s::integer)
"""
_LOCK = f"fence AS (SELECT id, state, events FROM workflows_run WHERE {_HELD} FOR NO KEY UPDATE)"
_KEEP = f"""
    fence AS (
        UPDATE workflows_run SET {KEEP_NOTES}
        WHERE {_HELD} RETURNING id, state, events)
"""


class Notes(NamedTuple):
    """What the workflow keeps on its run, as JSON texts; None: unchanged."""

    data: str | None = None
    attributes: str | None = None

    def params(self) -> dict[str, Any]:
        """Return the parameters of KEEP_NOTES."""
        return {"note_data": self.data, "note_attributes": self.attributes}


UNCHANGED = Notes()


class Fenced:
    """A statement behind the fence, in both forms. `rest` follows `WITH fence AS (…), `."""

    def __init__(self, rest: str) -> None:
        self._plain = Statement(f"WITH {_LOCK}, {rest}")
        self._keeping = Statement(f"WITH {_KEEP}, {rest}")

    def bind(
        self,
        run: ClaimedRun,
        params: Mapping[str, Any],
        *,
        notes: Notes = UNCHANGED,
        if_events: int | None = None,
    ) -> tuple[Statement, dict[str, Any]]:
        """Return the statement and its parameters for this run."""
        held = {"run": run.id, "attempt": run.attempt, "if_events": if_events, **params}
        if notes == UNCHANGED:
            return self._plain, held
        return self._keeping, held | notes.params()
