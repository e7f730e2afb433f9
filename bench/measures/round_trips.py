"""How often the engine asks the server, and how often it commits, for each operation of a run.

Both are read off the wire, of the one connection that works here: the drives take place in this
process, without a cluster. libpq's trace names every message, and the server ends each of its
answers with ReadyForQuery, which says whether a transaction is still open. What the server adds up
for the database (pg_stat_database) comes late, and counts everybody else's commits too.
"""

import re
import tempfile
from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

import psycopg
from django.db import connection

from bench.database import empty
from bench.figures import Operation
from bench.flows import no_steps, one_atomic_step, one_step, three_steps, wait_for_event
from bench.lab import Lab, NotMeasured
from workflows.api import Workflow, send_event, start
from workflows.testing import drive_until_idle

SENT = re.compile(
    rb"[^\t]*\tB\t\d+\t"  # when, from the server, how many bytes
    rb"(?:ReadyForQuery\t (?P<ended>.)|ErrorResponse\t|CommandComplete\t \"ROLLBACK\")"
)
"""A line of libpq's trace that ends an answer, or says before its end that something was undone.
An answer ends with I where no transaction is open any more."""


def measure(lab: Lab) -> list[Operation]:
    """Return what each operation takes. Raises NotMeasured where it cannot be counted."""
    refuse_without_counters()
    lab.stop_cluster()
    empty("workflows_run")
    times = lab.size(50, 10)
    ended, one, three, atomic = (
        drive_of(flow, times) for flow in (no_steps, one_step, three_steps, one_atomic_step)
    )
    parked, sent, resumed = wait_and_event(times)
    return [
        start_of_run(times).called("start, outside a transaction"),
        ended.called("claim and end of a run without steps"),
        (one - ended).called("first step"),
        ((three - one) / 2).called("each further step"),
        (atomic - ended).called("first step, atomic=True"),
        parked.called("claim and wait"),
        sent.called("event, outside a transaction"),
        resumed.called("claim, take the event, end"),
    ]


def refuse_without_counters() -> None:
    """Raise NotMeasured where the library cannot count."""
    if psycopg.pq.version() < 140000 or not hasattr(psycopg.pq.PGconn, "trace"):
        raise NotMeasured("this libpq cannot trace")


def drive_of(flow: Workflow[..., Any], times: int) -> Operation:
    """Count the drive of a run from its claim to its end."""
    warm_up(flow)
    start_many(flow, times)
    return drives(times)


def start_of_run(times: int) -> Operation:
    """Count a start."""
    warm_up(no_steps)
    started = count(lambda: start_many(no_steps, times))
    drive_until_idle()
    return started / times


def wait_and_event(times: int) -> tuple[Operation, Operation, Operation]:
    """Count a drive that waits, the event, and the drive that takes it."""
    send_many([start(wait_for_event, timeout_seconds=60.0).id], then=drive_until_idle)
    drive_until_idle()
    waiting = [start(wait_for_event, timeout_seconds=60.0).id for _ in range(times)]
    parked = drives(times)
    sent = count(lambda: send_many(waiting)) / times
    return parked, sent, drives(times)


def warm_up(flow: Workflow[..., Any]) -> None:
    """Let the connection prepare its statements, which takes a round trip each."""
    start_many(flow, 2)
    drive_until_idle()


def start_many(flow: Workflow[..., Any], times: int) -> None:
    """Start so many runs, each in its own transaction."""
    for _ in range(times):
        start(flow)


def send_many(run_ids: list[UUID], *, then: Callable[[], object] = lambda: None) -> None:
    """Drive nothing, send each run its event."""
    then()
    for run_id in run_ids:
        send_event(run_id, "go", payload=None)


def drives(times: int) -> Operation:
    """Count one of so many due drives. Each drive_until_idle() ends with a look for nothing."""
    all_of_them = count(drive_until_idle)
    look = count(drive_until_idle)
    return (all_of_them - look) / times


def count(work: Callable[[], object]) -> Operation:
    """Do the work and count it."""
    with tempfile.TemporaryFile() as trace:
        connection.connection.pgconn.trace(trace.fileno())
        try:
            work()
        finally:
            connection.connection.pgconn.untrace()
        trace.seek(0)
        return counted(trace)


def counted(trace: Iterable[bytes]) -> Operation:
    """Return how often the trace's lines say that the server was asked, and that it committed."""
    round_trips = commits = 0
    undone = False
    for sent in filter(None, map(SENT.match, trace)):
        ended = sent["ended"]
        round_trips += ended is not None
        commits += ended == b"I" and not undone
        undone = ended is None
    return Operation(round_trips=round_trips, commits=commits)
