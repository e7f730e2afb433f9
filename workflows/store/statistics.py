"""The rows of statistics: figures are added to them, and old ones deleted."""

from datetime import datetime

from workflows.core.figures import Counted, Figure, Figures, Grain, Place, Subject, in_order
from workflows.store.database import Connection, query
from workflows.store.statement import STATEMENT_TIME, Statement

AT_ONCE = 1_000
"""Rows that are deleted in one statement."""

_COLUMNS = "grain, at, what, workflow, version, name, count, seconds, buckets"
_ADD = Statement(
    f"""
    INSERT INTO workflows_statistic AS kept ({_COLUMNS})
    SELECT told.grain, told.at, told.what, told.workflow, told.version, told.name, told.count, told.seconds,
           told.buckets::bigint[]
    FROM unnest(%(grain)s::integer[], %(at)s::timestamptz[], %(what)s::text[], %(workflow)s::text[],
                %(version)s::integer[], %(name)s::text[], %(count)s::bigint[], %(seconds)s::float8[],
                %(buckets)s::text[])
         AS told ({_COLUMNS})
    ON CONFLICT (grain, at, what, workflow, version, name) DO UPDATE
    SET count = kept.count + excluded.count, seconds = kept.seconds + excluded.seconds,
        buckets = ARRAY(SELECT coalesce(one, 0) + coalesce(other, 0)
                        FROM unnest(kept.buckets, excluded.buckets) AS each (one, other))
    """
)
_FORGET = Statement(
    f"""
    WITH gone AS (
        DELETE FROM workflows_statistic WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM workflows_statistic
            WHERE grain = %(grain)s AND at < {STATEMENT_TIME} - %(seconds)s * interval '1 second'
            ORDER BY at LIMIT {AT_ONCE} FOR UPDATE SKIP LOCKED))
        RETURNING 1)
    SELECT count(*) FROM gone
    """
)
_EVER = Statement(
    f"""
    SELECT what, workflow, version, name, count, seconds, buckets FROM workflows_statistic
    WHERE grain = {Grain.EVER:d}
    """
)


def add_figures(figures: Figures, on: Connection | None = None) -> None:
    """Add these to what is kept: one statement."""
    if figures:
        rows = [_row(place, figure) for place, figure in in_order(figures)]
        names = _COLUMNS.split(", ")
        query(_ADD, dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)), on=on)


def forget(own: Connection, grain: Grain, *, older_than_seconds: float) -> bool:
    """Delete rows of this grain, some of the oldest. True: there may be more."""
    [[gone]] = query(_FORGET, {"grain": int(grain), "seconds": older_than_seconds}, on=own)
    return int(gone) == AT_ONCE


def load_ever() -> dict[Subject, Figure]:
    """Return all that was ever counted."""
    return {
        Subject(Counted(what), workflow, version, name): Figure(count, seconds, buckets)
        for what, workflow, version, name, count, seconds, buckets in query(_EVER)
        if what in _KNOWN
    }


_KNOWN = frozenset(Counted)
"""A newer release beside this one may count more."""


def _row(place: Place, figure: Figure) -> tuple[int, datetime, str, str, int, str, int, float, str]:
    buckets = "{" + ",".join(map(str, figure.buckets)) + "}"
    subject = place.subject
    return (
        int(place.grain), place.at, subject.what.value, subject.workflow, subject.version, subject.name,
        figure.count, figure.seconds, buckets,
    )  # fmt: skip
