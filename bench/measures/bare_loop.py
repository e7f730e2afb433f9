"""The yardstick: the same claims, inserts and ends as bare SQL, with nothing around them."""

import time

import psycopg
from django.db import connection, transaction

from bench.database import empty, number
from bench.figures import Round
from bench.processes import cpu_seconds
from bench.side_by_side import side_by_side

PROCESSES = 2

FILL = """
    INSERT INTO bench_run (workflow, version, state, input, wake_at)
    SELECT 'bench.three_steps', 1, 'pending', '{}', clock_timestamp() FROM generate_series(1, %s)
"""
CLAIM = """
    UPDATE bench_run
    SET state = 'running', attempt = attempt + 1, worker_id = %s, wake_at = NULL,
        lease_until = clock_timestamp() + interval '15 seconds', started_at = clock_timestamp()
    WHERE id = (SELECT id FROM bench_run WHERE state = 'pending' AND wake_at <= statement_timestamp()
                ORDER BY wake_at LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING id, attempt, input::text
"""
CHECKPOINT = """
    INSERT INTO bench_history (run_id, position, kind, name, data, attempt)
    VALUES (%s, %s, 'step_completed', 'nothing', %s::jsonb, %s)
"""
END = """
    UPDATE bench_run
    SET state = 'completed', output = 'null', worker_id = NULL, lease_until = NULL,
        finished_at = clock_timestamp()
    WHERE id = %s AND attempt = %s AND state = 'running'
"""
RATE = """
    SELECT count(*) / extract(epoch FROM max(finished_at) - min(started_at)) FROM bench_run
"""


def measure_round(url: str, runs: int) -> Round:
    """Work off so many rows with two processes."""
    empty("bench_run", "bench_history")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(FILL, [runs])
        cursor.execute("ANALYZE bench_run")
    shares = side_by_side(work_off, [(url, worker_id) for worker_id in range(PROCESSES)])
    return Round(number(RATE), *(1000 * sum(each) / runs for each in zip(*shares, strict=True)))


def work_off(url: str, worker_id: int) -> tuple[float, float]:
    """Claim, write three checkpoints and end, each its own commit, until nothing is left.

    Returns the CPU seconds it took here and in the server's process.
    """
    with psycopg.connect(url, autocommit=True) as own:
        server = [own.info.backend_pid]
        began_here, began_there = time.process_time(), cpu_seconds(server)
        while claimed := own.execute(CLAIM, [worker_id], prepare=True).fetchone():
            run_id, attempt, _ = claimed
            for position in (1, 2, 3):
                line = [run_id, position, '{"output": null}', attempt]
                own.execute(CHECKPOINT, line, prepare=True)
            own.execute(END, [run_id, attempt], prepare=True)
        return time.process_time() - began_here, cpu_seconds(server) - began_there
