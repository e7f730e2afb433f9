"""What a cluster does besides driving runs: it sweeps up after lost workers, and forgets the dead.

The pusher does its chores between two looks at the queue, on its own connection.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from workflows import signals
from workflows.cluster import held_runs, process_state, shared
from workflows.cluster.database_watch import DatabaseWatch
from workflows.cluster.lease_renewal import Renewal, look_every_seconds
from workflows.cluster.retention import Prune
from workflows.cluster.schedule_chore import DECLARE_EVERY_SECONDS, Declare, starting
from workflows.cluster.statistics import Count, Tidy
from workflows.cluster.worker_identity import place
from workflows.conf import conf
from workflows.core.running_steps import HeldRun
from workflows.engine import announcements
from workflows.engine.served_code import named_pool
from workflows.store import limits, lost_sessions, start_windows
from workflows.store import sweep as lost
from workflows.store import workers as store
from workflows.store.database import Connection
from workflows.store.missing_code import list_missing_code

FORGET_EVERY_SECONDS = 30.0
ASK_FOR_CODE_EVERY_SECONDS = 5.0
SAY_AGAIN_SECONDS = 30.0
TELL_FOR_SECONDS = 600.0
"""What a dead worker held is told to the sweep for so long, unless that takes it."""


@dataclass(frozen=True, kw_only=True)
class Chore:
    """Something that every cluster does now and then. Two clusters may do it at the same moment."""

    name: str
    every_seconds: Callable[[], float]
    """From the beginning of one round to that of the next; asked before each."""
    do: Callable[[Connection], None]


class Chores:
    """One pusher's account of its chores, done in their order. It begins with all of them due."""

    def __init__(self, chores: Sequence[Chore]) -> None:
        self._chores = chores
        self._done_at: dict[str, float] = {}
        self._told_at: dict[str, float] = {}

    def do_what_is_due(self, own: Connection, watch: DatabaseWatch) -> None:
        """Do the chores whose time has come. One that fails is told, and tried again in its turn.

        Raises psycopg.Error where the connection is lost: then no other could be done either.
        """
        for chore in self._chores:
            if self._is_due(chore):
                with watch.waiting(f"the chore {chore.name!r}"):
                    self._do(chore, own)

    def seconds_to_next(self) -> float:
        """Return in how many seconds the next chore is due."""
        now = time.monotonic()
        waits = [
            chore.every_seconds() - (now - self._done_at.get(chore.name, 0.0))
            for chore in self._chores
        ]
        return max(0.0, min(waits))

    def _is_due(self, chore: Chore) -> bool:
        now = time.monotonic()
        done_at = self._done_at.get(chore.name)
        if done_at is not None and now - done_at < chore.every_seconds():
            return False
        self._done_at[chore.name] = now
        return True

    def _do(self, chore: Chore, own: Connection) -> None:
        try:
            chore.do(own)
        except Exception as exc:
            if own.closed:
                raise
            self._tell(chore, exc)
        else:
            self._told_at.pop(chore.name, None)

    def _tell(self, chore: Chore, exc: Exception) -> None:
        now, told_at = time.monotonic(), self._told_at.get(chore.name)
        if told_at is None or now - told_at > SAY_AGAIN_SECONDS:
            self._told_at[chore.name] = now
            signals.chore_failed.send_robust(sender=Chore, chore=chore.name, error=exc)


class Sweep:
    """Takes the runs of lost workers. A worker whose connection was cut is back within a moment: it
    loses its run only when it is missed in two looks, or its process is seen dead."""

    def __init__(self) -> None:
        self._missed: set[int] = set()
        self._dead_since: dict[shared.Holder, float] = {}
        self._own: Connection | None = None
        self._cut: set[int] = set()
        """Who was missing when our own session had just been cut: theirs may have gone with it."""

    def __call__(self, own: Connection) -> None:
        """Look who is missing, take what is to be taken, and announce what became of each. What a
        lost worker has locked is set free, so that nobody waits behind it."""
        missing = store.missing_workers(own)
        dead = {worker.id: worker for worker in missing if _is_dead(worker)}
        ours = {worker.id for worker in dead.values() if _is_ours_to_judge(worker)}
        missed, self._missed = self._missed, {worker.id for worker in missing}
        before, self._own = self._own, own
        self._cut = self._missed if before not in (None, own) else self._cut & self._missed
        rows = held_runs.rows()
        judged = lost.sweep(
            own,
            max_crashes=conf().max_crashes,
            gone=ours | (missed & self._missed),
            dead=dead.keys(),
            cut=self._cut,
            told=[told for row in rows for told in _told(row)],
        )
        self._forget_what_was_told(rows, {run.id for run in judged})
        if judged:
            announcements.runs_judged(judged)
        lost_sessions.end_sessions_of_lost(
            own, {run.lost_worker for run in judged if run.lost_worker is not None}
        )

    def _forget_what_was_told(self, rows: Sequence[held_runs.Row], judged: set[UUID]) -> None:
        """What was not taken by now has gone to another, or had ended; unless its row is locked."""
        now, before, self._dead_since = time.monotonic(), self._dead_since, {}
        for row in rows:
            holder = row.holder
            if process_state.lives(holder.pid):
                continue
            since = before.get(holder, now)
            if {run.run_id for run in row.runs} <= judged or now - since > TELL_FOR_SECONDS:
                held_runs.forget(holder)
            else:
                self._dead_since[holder] = since


def _is_dead(worker: store.Missing) -> bool:
    return worker.place == place() and not process_state.lives(worker.pid)


def _is_ours_to_judge(worker: store.Missing) -> bool:
    """Whether nobody else on this host knows more of it: another cluster knows its own workers."""
    cluster = worker.cluster_pid
    return cluster in (None, shared.command_pid()) or not process_state.lives(cluster)


def _told(row: held_runs.Row) -> list[lost.Told]:
    lives = process_state.lives(row.holder.pid)
    return [
        lost.Told(run, None if lives else _cause(row, run), row.company_of(run)) for run in row.runs
    ]


def _cause(row: held_runs.Row, run: HeldRun) -> str | None:
    """Return why a dead worker's run is not to be blamed for its death; None: it may be."""
    if row.holder.spared:
        return lost.CLUSTER_ENDED
    if _overran(run):
        return lost.STEP_OVERRAN
    return lost.NEIGHBOUR_OVERRAN if any(map(_overran, row.runs)) else None


def _overran(run: HeldRun) -> bool:
    return any(step.overran for step in run.steps)


def forget_the_dead(own: Connection) -> None:
    """Delete the rows of workers that no longer live, say that they went, and end what is left of
    their sessions."""
    gone = store.forget_the_dead(own)
    for each in gone:
        signals.worker_went.send_robust(
            sender=Chore, worker_id=each.id, host=each.host, pid=each.pid
        )
    lost_sessions.end_sessions_named(own, {each.session_name for each in gone})


class AskForCode:
    """Says once of each workflow and version that its runs are due and no living worker has code, and of each
    pool that their next step is of it and nobody serves it."""

    def __init__(self) -> None:
        self._told: set[tuple[str, int, str]] = set()

    def __call__(self, own: Connection) -> None:
        """Look for what is missing, and announce what was not missing before."""
        for missing in list_missing_code(own):
            code = missing.workflow, missing.version, missing.step_pool
            if code not in self._told:
                self._told.add(code)
                signals.code_missing.send_robust(
                    sender=Chore,
                    workflow=missing.workflow,
                    version=missing.version,
                    runs=missing.runs,
                    run_id=missing.run_id,
                    pool=missing.step_pool or named_pool(missing.workflow, missing.version),
                )


_prune, _count, _tidy = Prune(), Count(), Tidy()
CHORES = (
    Chore(name="renew leases", every_seconds=look_every_seconds, do=Renewal()),
    Chore(name="sweep", every_seconds=lambda: conf().poll_seconds, do=Sweep()),
    Chore(
        name="wake for limits", every_seconds=lambda: conf().poll_seconds, do=limits.wake_waiters
    ),
    Chore(name="forget idle limits", every_seconds=lambda: 60.0, do=limits.forget_idle),
    Chore(name="forget idle starts", every_seconds=lambda: 60.0, do=start_windows.forget_idle),
    Chore(name="forget the dead", every_seconds=lambda: FORGET_EVERY_SECONDS, do=forget_the_dead),
    Chore(name="ask for code", every_seconds=lambda: ASK_FOR_CODE_EVERY_SECONDS, do=AskForCode()),
    Chore(name="count", every_seconds=_count.every_seconds, do=_count),
    Chore(name="forget figures", every_seconds=_tidy.every_seconds, do=_tidy),
    Chore(name="prune", every_seconds=_prune.every_seconds, do=_prune),
    Chore(name="declare schedules", every_seconds=lambda: DECLARE_EVERY_SECONDS, do=Declare()),
    Chore(name="start by schedules", every_seconds=starting.every_seconds, do=starting),
)
"""In this order: after an outage no lease of a living worker may run out unrenewed; the sweep asks the
rows of lost workers what the server's restart explains; what the code declares is there before anything
is started by it."""
