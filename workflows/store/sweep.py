"""The runs of the dead: what becomes of them.

The sweep is sent on the pusher's own connection; a worker whose connection broke sends the same for
its one run, on Django's.
"""

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from workflows.core.beat import SQL_GREW
from workflows.core.codec import loads
from workflows.core.error_kind import ErrorKind
from workflows.core.history import HistoryKind
from workflows.core.line_fields import sql_data, sql_failure
from workflows.core.run import ClaimedRun
from workflows.core.running_steps import HeldRun
from workflows.core.states import HELD_STATES, RunState
from workflows.store.database import Connection, Rows, query
from workflows.store.fence import holder, still_held
from workflows.store.insert import line
from workflows.store.schema import LIVING
from workflows.store.sealing import Opener
from workflows.store.statement import NOW, STATEMENT_TIME, Statement, one_of
from workflows.store.steps_seen import (
    sql_steps,
    sql_steps_shown,
    sql_words,
    told_of_runs,
    told_params,
)

_WHAT_BECAME = f"""
    CASE state WHEN '{RunState.CANCELLED}' THEN '{HistoryKind.RUN_CANCELLED}'
               WHEN '{RunState.BLOCKED}' THEN '{HistoryKind.BLOCKED}'
               WHEN '{RunState.FAILED}' THEN '{HistoryKind.RUN_FAILED}'
               ELSE '{HistoryKind.RECOVERED}' END
"""
_TOLD = """format(
    '%%s workers in a row were lost while driving this run, the last one because %%s; find out '
    'what kills them, then retry it', lost_in_a_row, reason)"""
_VERDICT = sql_failure(type="'TooManyCrashes'", message=_TOLD, kind=f"'{ErrorKind.LOST_WORKER}'")
_GIVEN_UP = [RunState.BLOCKED, RunState.FAILED]
_ENDS = [RunState.CANCELLED, RunState.FAILED]
_RESTART, _LET_GO = "the database was started again", "its worker lives on without it"
_CUT = "all sessions were cut at the same moment"
CLUSTER_ENDED = "its cluster was ended because it hung"
STEP_OVERRAN = "it was ended with a step that ran beyond its limit"
NEIGHBOUR_OVERRAN = "it was ended with a step of another run that ran beyond its limit"
_WITHOUT_SESSIONS = [_RESTART, _LET_GO, _CUT]
_NOT_COUNTED = [*_WITHOUT_SESSIONS, CLUSTER_ENDED, STEP_OVERRAN, NEIGHBOUR_OVERRAN]
LONGEST_PAUSE_SECONDS = 30
"""Between two recoveries of a run that makes no progress."""
_TAKEN = [HistoryKind.RECOVERED, HistoryKind.BLOCKED]
_FRESH_START = [HistoryKind.WOKEN, HistoryKind.RETRIED, HistoryKind.COMPENSATION_STARTED]
_RECOVERIES = f"""
    (SELECT count(*) FROM workflows_history AS line
     WHERE line.run_id = run.id AND line.kind = '{HistoryKind.RECOVERED}'
       AND line.id > (SELECT coalesce(max(before.id), 0) FROM workflows_history AS before
                      WHERE before.run_id = run.id
                        AND (before.position IS NOT NULL OR before.kind IN {one_of(_FRESH_START)}))
       -- A drive whose heartbeats grew starts the count anew.
       AND line.attempt >= coalesce({SQL_GREW}, 0))
"""
_HEARTBEATS_GREW = f"""
    coalesce({SQL_GREW} > (
        SELECT coalesce(max(line.attempt), 0) FROM workflows_history AS line
        WHERE line.run_id = run.id AND line.kind IN {one_of(_TAKEN)}), false)
"""
# Joined, so that the recovery stands before what it led to.
_TURNED = "moved JOIN facts ON run_id = id WHERE turns"
_BY_NOBODY = sql_data(HistoryKind.COMPENSATION_STARTED, by="''", error="NULL::jsonb")
_PAUSE = """
    CASE WHEN recoveries = 0 THEN 0
         ELSE least(power(2, least(recoveries, 30) - 1), %(longest_pause)s) END
"""
_IS_COUNTED = f"seen NOT IN {one_of(_NOT_COUNTED)}"
# One of them may have done it, and nobody knows which: lost alone, a run counts.
_COMPANY = sql_data(HistoryKind.RECOVERED, company="company", attempt="attempt")
_OF_WHAT = f"""
    CASE WHEN state IN {one_of(_GIVEN_UP)}
         THEN {sql_data(HistoryKind.BLOCKED, error="verdict")}
         ELSE {sql_data(HistoryKind.RECOVERED, worker="worker_id", crashes="crashes", reason="reason")}
         END || CASE WHEN steps IS NULL THEN '{{}}' ELSE {sql_data(HistoryKind.RECOVERED, steps="steps")} END
      || CASE WHEN company > 0 AND {_IS_COUNTED} THEN {_COMPANY} ELSE '{{}}' END
"""
# Some may have been taken before: a sweep leaves out rows that are locked, and takes so many at a time.
_OTHERS = """
    greatest((SELECT held - 1 FROM held_together AS each WHERE each.worker_id = run.worker_id),
             told.company, 0)
"""
# A worker takes its lock before its first claim, so a run seen here without one has lost its
# worker. Progress is the newest line about an operation: workers lost beyond it start the count
# of crashes anew, and so do heartbeats that have grown since the last loss, and the turn to
# compensation, whose chances are its own.
# What says nothing about the run is not counted: a worker older than the server lost its lock when the
# server was restarted; one whose process lives on under a newer id, when its connection was cut, or
# when it let go of a run whose row others held; and whoever was missing when the pusher came back from
# a cut of its own may have lost its session with it: where a standby took over, its start tells nothing,
# it began long before. That is asked before the lease, which runs out as well where the database was
# away, or the row held, for long. One that its own cluster ended, or the time limit of a step, is told
# by that cluster.
_RESTARTED = """
    EXISTS (SELECT FROM workflows_worker AS worker
            WHERE worker.id = run.worker_id AND started_at < pg_postmaster_start_time())
"""
_LIVES_ON = f"""
    EXISTS (SELECT FROM workflows_worker AS before JOIN workflows_worker AS now
                       USING (host, pid, session_name)
            WHERE before.id = run.worker_id AND now.id > before.id AND now.id IN ({LIVING}))
"""
_SEEN = f"""
    CASE WHEN worker_id = ANY(%(dead)s::bigint[]) THEN 'its process died'
         WHEN {_RESTARTED} THEN '{_RESTART}'
         WHEN {_LIVES_ON} THEN '{_LET_GO}'
         WHEN worker_id = ANY(%(cut)s::bigint[]) THEN '{_CUT}'
         WHEN lease_until < {STATEMENT_TIME} THEN 'its lease ran out'
         ELSE 'it showed no more that it lives' END
"""
_STEPS = f"""
    CASE WHEN told.run_id IS NOT NULL THEN {sql_steps("told.steps")}
         ELSE {sql_steps_shown("run.running_steps", attempt="run.attempt")} END
"""
"""Exactly, where the cluster of the lost worker tells them; else those it has shown last."""
_BY_THE_SWEEP = f"""
    state IN {one_of(HELD_STATES)}
    AND (lease_until < {STATEMENT_TIME}
         -- Without the first half, nobody's runs would be lost as soon as no worker lives.
         OR worker_id IS NOT NULL AND worker_id NOT IN ({LIVING})
            AND (%(gone)s::bigint[] IS NULL OR worker_id = ANY(%(gone)s::bigint[])))
"""
_JUDGED = f"""
    counted AS (
        SELECT *, seen || {sql_words("steps", worker="lost.worker_id")} AS reason,
               CASE WHEN mark = crash_mark AND NOT grown THEN crashes ELSE 0 END
                  + CASE WHEN company = 0 AND {_IS_COUNTED} THEN 1 ELSE 0 END AS lost_in_a_row
        FROM lost),
    judged AS (
        SELECT id, parent_id, worker_id, mark, seen, reason, steps, recoveries, company,
               state = '{RunState.CANCELLING}' AND undo_on_cancel AS turns,
               CASE WHEN state = '{RunState.CANCELLING}' AND undo_on_cancel
                    THEN 0 ELSE lost_in_a_row END AS crashes,
               CASE WHEN state = '{RunState.CANCELLING}' AND undo_on_cancel
                    THEN '{RunState.COMPENSATING}'
                    WHEN state = '{RunState.CANCELLING}' THEN '{RunState.CANCELLED}'
                    WHEN lost_in_a_row < most AND state = '{RunState.RUNNING}'
                    THEN '{RunState.PENDING}'
                    WHEN lost_in_a_row < most THEN state
                    WHEN state = '{RunState.RUNNING}' THEN '{RunState.BLOCKED}'
                    ELSE '{RunState.FAILED}' END AS next,
               {_VERDICT} AS verdict
        FROM counted),
    -- A child that ends locks its parent. The sweep holds many rows, so it must wait for none: where
    -- somebody has the parent, the child's turn is the next sweep.
    parents AS MATERIALIZED (
        SELECT id FROM workflows_run
        WHERE id IN (SELECT parent_id FROM judged WHERE next IN {one_of(_ENDS)})
        ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)
"""
_MOVED = f"""
    moved AS (
        UPDATE workflows_run AS run
        SET state = judged.next,
            error = CASE judged.next WHEN '{RunState.BLOCKED}' THEN judged.verdict
                                     ELSE run.error END,
            compensation_error = CASE judged.next WHEN '{RunState.FAILED}' THEN judged.verdict
                                                  ELSE run.compensation_error END,
            finished_at = CASE WHEN judged.next IN {one_of(_ENDS)}
                               THEN {NOW} ELSE run.finished_at END,
            wake_at = CASE WHEN judged.next IN {one_of([RunState.PENDING, RunState.COMPENSATING])}
                           THEN {NOW} + {_PAUSE} * interval '1 second' END,
            crashes = judged.crashes, crash_mark = judged.mark,
            worker_id = NULL, lease_until = NULL
        FROM judged
        WHERE run.id = judged.id
          AND (judged.next NOT IN {one_of(_ENDS)} OR judged.parent_id IS NULL
               OR judged.parent_id IN (SELECT id FROM parents))
        RETURNING run.id, run.workflow, run.state, run.attempt, judged.verdict,
                  judged.worker_id, judged.crashes, judged.seen, judged.reason, judged.steps,
                  judged.company, judged.turns)
"""


def _recover(which: str, seen: str, *, company: str) -> Statement:
    """Return the statement that takes runs from lost workers; SQL: seen, why each is taken; company, how
    many others its worker held."""
    return Statement(
        f"""
        WITH held_together AS MATERIALIZED (
            SELECT worker_id, count(*) AS held FROM workflows_run
            WHERE state IN {one_of(HELD_STATES)} AND lease_until IS NOT NULL GROUP BY worker_id),
        lost AS MATERIALIZED (
            SELECT id, parent_id, state, worker_id, crashes, crash_mark, undo_on_cancel,
                   coalesce(max_crashes, %(max_crashes)s) AS most,
                   (SELECT coalesce(max(line.id), 0) FROM workflows_history AS line
                    WHERE line.run_id = run.id AND line.position IS NOT NULL) AS mark,
                   {_RECOVERIES} AS recoveries, {_HEARTBEATS_GREW} AS grown,
                   {company} AS company, coalesce(told.cause, {seen}) AS seen, {_STEPS} AS steps
            FROM workflows_run AS run LEFT JOIN {told_of_runs()}
                 ON told.run_id = run.id AND told.run_attempt = run.attempt
            WHERE {which}
            ORDER BY id LIMIT 500
            FOR NO KEY UPDATE OF run SKIP LOCKED),
        {_JUDGED}, {_MOVED},
        facts AS (
            {line("moved", _WHAT_BECAME, _OF_WHAT)}
            RETURNING run_id),
        turned AS (
            {line(_TURNED, HistoryKind.COMPENSATION_STARTED, _BY_NOBODY)})
        SELECT id, workflow, state, CASE WHEN state IN {one_of(_GIVEN_UP)} THEN verdict::text END,
               CASE WHEN seen NOT IN {one_of(_WITHOUT_SESSIONS)} THEN worker_id END, reason
        FROM moved
        """
    )


_SWEEP = _recover(_BY_THE_SWEEP, _SEEN, company=_OTHERS)
_TAKE_FROM_ITSELF = _recover(
    still_held(), "'its connection broke inside an atomic step'", company="0"
)


class Judged(NamedTuple):
    """A run whose worker was lost, and what the sweep made of it."""

    id: UUID
    workflow: str
    state: RunState
    error: dict[str, Any] | None
    """type and message, where the loss was one too many; None where it was not."""
    lost_worker: int | None
    """From whom it was taken; None: from one that lives on, or whose sessions the server has ended."""
    reason: str
    """What was seen of the loss: how, in which step, on which host and pid."""


class Told(NamedTuple):
    """What a cluster knows of a run that one of its own workers holds, or held when it died."""

    run: HeldRun
    cause: str | None
    """Why that worker was lost, where its cluster knows better than the database."""
    company: int = 0
    """Beside how many others that worker drove it."""


def sweep(
    own: Connection,
    *,
    max_crashes: int,
    gone: Collection[int] | None = None,
    dead: Collection[int] = (),
    cut: Collection[int] = (),
    told: Sequence[Told] = (),
    longest_pause_seconds: float = LONGEST_PAUSE_SECONDS,
) -> list[Judged]:
    """Take runs from workers that are gone: back to the queue, or blocked after too many.

    gone: of the workers without a lock, only these; None: all. dead: those whose process was seen
    dead. cut: those that may have lost their session together with the pusher. told: what this
    cluster knows of its own. Whoever's lease has run out loses its run in any case. A run that is
    taken again and again is due after 0, 1, 2, 4 seconds and so on.
    """
    params = {
        "max_crashes": max_crashes,
        "gone": None if gone is None else list(gone),
        "dead": list(dead),
        "cut": list(cut),
        "longest_pause": longest_pause_seconds,
        **told_params(
            [each.run for each in told],
            [each.cause for each in told],
            [each.company for each in told],
        ),
    }
    return _judged(query(_SWEEP, params, on=own))


def take_from_itself(run: ClaimedRun, *, max_crashes: int) -> list[Judged]:
    """Recover a run whose atomic step has broken its connection, as the sweep would. On Django's
    connection. Returns nothing where somebody else has it, or its row."""
    params = {"max_crashes": max_crashes, "longest_pause": LONGEST_PAUSE_SECONDS}
    params |= told_params([])
    return _judged(query(_TAKE_FROM_ITSELF, holder(run) | params))


def take_overrun(own: Connection, run: HeldRun, *, max_crashes: int) -> list[Judged]:
    """Take a run from a living worker that cannot interrupt its step, which has run beyond its limit: a
    failed attempt, which the next drive records. Returns nothing where somebody else has it, or its row."""
    params = {"run": run.run_id, "attempt": run.attempt, "max_crashes": max_crashes}
    params |= {"longest_pause": LONGEST_PAUSE_SECONDS, **told_params([run], [STEP_OVERRAN])}
    return _judged(query(_TAKE_FROM_ITSELF, params, on=own))


def _judged(rows: Rows) -> list[Judged]:
    # Read here: Django leaves jsonb a text on its connections, psycopg does not on ours.
    return [
        Judged(id, name, RunState(now), _shown(id, error), *rest)
        for id, name, now, error, *rest in rows
    ]


def _shown(run_id: UUID, error: str | None) -> dict[str, Any] | None:
    """Return an error for the listeners: what the run failed with before is not opened here."""
    if not error:
        return None
    told: dict[str, Any] = Opener(run_id, decrypt=False).error(loads(error))
    return told
