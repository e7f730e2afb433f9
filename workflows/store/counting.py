"""Count what has been written since somebody counted last, each thing once, whatever commits late.

A line takes its id before it is committed, so a lower one may appear behind a higher one, and a run its time of
creation likewise. So a mark is made first: the newest line and the time, and the transaction that makes it.
Whoever has a line below the mark had locked its run before, and has an older transaction. Once all of these have ended, what
lies up to the mark is all there is, and is counted in batches. `begin`, `count_…` and `keep_up` belong in one
transaction: the row of the mark is locked in it, by one cluster at a time.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from workflows.core.figures import Counted, Figure, Subject
from workflows.core.histogram import BOUNDS, of_buckets
from workflows.core.history import HistoryKind
from workflows.core.line_fields import ERROR, RUN, SECONDS
from workflows.core.states import RunState
from workflows.store.database import Connection, Rows, query, query_one
from workflows.store.statement import STATEMENT_TIME, Statement, one_of

GRACE_SECONDS = 5
"""A start reads the clock some moments before it has a transaction: so much younger a run is left for the next mark."""
BATCH = 2_000
"""Lines that are read in one statement: some tens of milliseconds."""

_YOUNGEST = f"{STATEMENT_TIME} - interval '{GRACE_SECONDS} seconds'"
_FIRST = Statement(
    f"""
    INSERT INTO workflows_statisticmark (id, line_id, created_until)
    SELECT 1, coalesce(max(id), 0), {_YOUNGEST} FROM workflows_history
    ON CONFLICT DO NOTHING
    """
)
# Other databases of the server do not matter, however long their transactions are. Only a lock tells where
# one is at work; where none does any more, or it is a prepared one, the next look tells.
_IS_SETTLED = """
    next_transaction < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
    OR NOT EXISTS (
        SELECT FROM pg_snapshot_xip(pg_current_snapshot()) AS open (id)
        WHERE open.id::text::bigint < next_transaction
          AND NOT EXISTS (
              SELECT FROM pg_locks AS held JOIN pg_stat_activity AS session ON session.pid = held.pid
              WHERE held.locktype = 'transactionid' AND held.mode = 'ExclusiveLock' AND held.granted
                AND held.transactionid = (open.id::text::bigint & 4294967295)::text::xid
                AND session.datid <> (SELECT oid FROM pg_database WHERE datname = current_database())))
"""
# The newest line is read before the lock gives this transaction its number: who has a lower one is older.
_BEGIN = Statement(
    f"""
    SELECT line_id, created_until, next_line_id, next_created_until,
           {_IS_SETTLED},
           (SELECT coalesce(max(id), 0) FROM workflows_history), {_YOUNGEST}
    FROM workflows_statisticmark WHERE id = 1
    FOR UPDATE SKIP LOCKED
    """
)
_SET = Statement(
    """
    UPDATE workflows_statisticmark
    SET next_line_id = greatest(line_id, %(line_id)s),
        next_created_until = greatest(created_until, %(created_until)s),
        next_transaction = pg_current_xact_id()::text::bigint
    WHERE id = 1
    """
)
_KEEP_UP = Statement(
    """
    UPDATE workflows_statisticmark
    SET line_id = %(line_id)s, created_until = %(created_until)s,
        next_transaction = CASE WHEN NOT %(done)s THEN next_transaction END,
        next_line_id = CASE WHEN NOT %(done)s THEN next_line_id END,
        next_created_until = CASE WHEN NOT %(done)s THEN next_created_until END
    WHERE id = 1
    """
)

_ = HistoryKind
_TOLD_BY = {
    _.STEP_COMPLETED: [Counted.STEP],
    _.ATTEMPT_FAILED: [Counted.ATTEMPT_FAILED],
    _.STEP_FAILED: [Counted.ATTEMPT_FAILED, Counted.STEP_FAILED],
    _.COMPENSATION_COMPLETED: [Counted.UNDONE],
    _.COMPENSATION_ATTEMPT_FAILED: [Counted.UNDO_FAILED],
    _.RUN_COMPLETED: [Counted.ENDED],
    _.RUN_FAILED: [Counted.ENDED, Counted.FAILED],
    _.RUN_CANCELLED: [Counted.ENDED],
    _.RUN_COMPENSATED: [Counted.ENDED],
    _.CONTINUED: [Counted.ENDED],
    _.BLOCKED: [Counted.BLOCKED],
    _.RETRIED: [Counted.RETRIED],
    _.RECOVERED: [Counted.RECOVERED],
}
"""What a line of history tells."""
_KINDS = ", ".join(f"('{kind}', '{what}')" for kind, told in _TOLD_BY.items() for what in told)
_BOUNDS = f"ARRAY[{', '.join(repr(bound) for bound in BOUNDS)}]::float8[]"
_LAST = Statement(
    """
    SELECT max(id), count(*) FROM (
        SELECT id FROM workflows_history WHERE id > %(after)s AND id <= %(until)s
        ORDER BY id LIMIT %(limit)s) AS batch
    """
)
# Of CONTINUED there is one that ends a run, and one that begins the next; a try that failed has told its end
# already. What a fork has of the other run was counted there.
_LINES = Statement(
    f"""
    SELECT date_trunc('minute', at), what, workflow, version, name, bucket, count(*), sum(seconds)
    FROM (
        SELECT line.at, told.what, run.workflow, run.version, taken.seconds,
               width_bucket(taken.seconds, {_BOUNDS}) AS bucket,
               CASE WHEN told.what = '{Counted.ENDED}'
                    THEN replace(line.kind, 'run_', '')
                    WHEN told.what IN {one_of((Counted.FAILED, Counted.BLOCKED))}
                    THEN coalesce(line.data #>> '{{{ERROR.name},kind}}', '')
                    ELSE line.name END AS name
        FROM workflows_history AS line
        JOIN (VALUES {_KINDS}) AS told (kind, what) ON told.kind = line.kind
        JOIN workflows_run AS run ON run.id = line.run_id
        CROSS JOIN LATERAL (
            SELECT CASE WHEN told.what = '{Counted.ENDED}'
                        THEN greatest(extract(epoch FROM line.at - run.created_at), 0)::float8
                        WHEN told.what IN {one_of((Counted.STEP, Counted.ATTEMPT_FAILED, Counted.UNDONE, Counted.UNDO_FAILED))}
                        THEN (line.data ->> '{SECONDS.name}')::float8 END) AS taken (seconds)
        WHERE line.id > %(after)s AND line.id <= %(until)s
          AND (line.kind <> '{_.CONTINUED}'
               OR line.data ? '{RUN.name}' AND run.state = '{RunState.COMPLETED}')
          AND (run.forked_from IS NULL
               OR line.id > (SELECT max(id) FROM workflows_history AS fork
                             WHERE fork.run_id = run.id AND fork.kind = '{_.FORKED}'))) AS fact
    GROUP BY 1, 2, 3, 4, 5, 6
    """
)
_CREATED_LAST = Statement(
    """
    SELECT created_at FROM workflows_run
    WHERE created_at > %(after)s AND created_at <= %(until)s
    ORDER BY created_at OFFSET %(limit)s - 1 LIMIT 1
    """
)
_CREATED = Statement(
    """
    SELECT date_trunc('minute', created_at), workflow, version, count(*) FROM workflows_run
    WHERE created_at > %(after)s AND created_at <= %(until)s
    GROUP BY 1, 2, 3
    """
)
_STANDS_AT = Statement(
    f"""
    SELECT extract(epoch FROM {STATEMENT_TIME} - created_until)::float8 FROM workflows_statisticmark
    WHERE id = 1
    """
)

Told = tuple[datetime, Subject, Figure]


class Mark(NamedTuple):
    """How far was counted, and how far can be."""

    line_id: int
    created_until: datetime
    next_line_id: int | None
    """None: no mark is made."""
    next_created_until: datetime | None
    is_settled: bool | None
    """Whether all transactions have ended that may have written below the next mark."""
    newest_line_id: int
    youngest: datetime


def begin(own: Connection) -> Mark | None:
    """Lock the mark to the end of the transaction. None: another cluster counts."""
    row = query_one(_BEGIN, on=own)
    return None if row is None else Mark(*row)


def begin_with_now(own: Connection) -> None:
    """Where nothing was ever counted, begin with what is written from now on."""
    query(_FIRST, on=own)


def set_mark(mark: Mark, own: Connection) -> None:
    """Say how far will be counted, once that is settled."""
    params = {"line_id": mark.newest_line_id, "created_until": mark.youngest}
    query(_SET, params, on=own)


def keep_up(own: Connection, *, line_id: int, created_until: datetime, done: bool) -> None:
    """Note how far was counted. done: the mark is reached."""
    query(_KEEP_UP, {"line_id": line_id, "created_until": created_until, "done": done}, on=own)


def count_lines(own: Connection, *, after: int, until: int) -> tuple[list[Told], int]:
    """Count the next lines of history, up to BATCH of them. Returns what they tell and up to which id that is."""
    [[last, found]] = query(_LAST, {"after": after, "until": until, "limit": BATCH}, on=own)
    if not found:
        return [], until
    rows = query(_LINES, {"after": after, "until": last}, on=own)
    return list(_told(rows)), until if found < BATCH else last


def count_started(
    own: Connection, *, after: datetime, until: datetime
) -> tuple[list[Told], datetime]:
    """Count the runs created next, BATCH of them and those of the same microsecond. Returns as count_lines."""
    row = query_one(_CREATED_LAST, {"after": after, "until": until, "limit": BATCH}, on=own)
    last = until if row is None else row[0]
    rows = query(_CREATED, {"after": after, "until": last}, on=own)
    counted = [
        (minute, Subject(Counted.STARTED, workflow, version), Figure(count))
        for minute, workflow, version, count in rows
    ]
    return counted, last


def seconds_behind() -> float | None:
    """Return how far behind the statistics are, in seconds; None: nothing was ever counted."""
    row = query_one(_STANDS_AT)
    return None if row is None else float(row[0])


def _told(rows: Rows) -> Iterator[Told]:
    for minute, what, workflow, version, name, bucket, count, seconds in rows:
        subject = Subject(Counted(what), workflow, version, name)
        buckets = [] if bucket is None else of_buckets([(bucket, count)])
        yield minute, subject, Figure(count, seconds or 0.0, buckets)
