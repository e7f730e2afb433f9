"""Fairness, a limit and a rate over two clusters of two workers, with a worker killed midway; too long for
the suite, so call it by its name:

python3 run.py test workflows/tests/cluster/soak_limits.py -n 0 -s
"""

import os
import signal
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from workflows.api import RunState, get_run, start
from workflows.models import LimitSlot, LimitWait, Run
from workflows.tests.cluster import flows
from workflows.tests.cluster.lab import Cluster, Lab, completed, rows, wait_for, wait_for_state

pytestmark = pytest.mark.cluster
PATIENCE_SECONDS = 180.0
BACKLOG, DESKS, RINGS = 2_000, 120, 200
Tell = Callable[[str, object], None]


def two(lab: Lab) -> list[Cluster]:
    return [lab.cluster().wait_until_ready() for _ in range(2)]


def kill_a_worker(cluster: Cluster) -> None:
    os.kill(cluster.pids("worker")[0], signal.SIGKILL)


def reach(workflow: str, count: int, clusters: list[Cluster]) -> None:
    wait_for(
        lambda: completed(workflow) >= count,
        f"{count} of {workflow}",
        clusters[0].words,
        PATIENCE_SECONDS,
    )


def test_a_backlog_delays_another_tenants_first_run_by_a_few_drives(
    lab: Lab, record_property: Tell
) -> None:
    clusters = two(lab)
    with transaction.atomic():
        for _ in range(BACKLOG):
            start(flows.three_steps, tenant="ann")
    reach("lab.three_steps", 100, clusters)
    kill_a_worker(clusters[0])
    bobs = []
    for number in range(5):
        reach("lab.three_steps", 150 + 100 * number, clusters)
        bobs.append(start(flows.three_steps, tenant="bob"))
        wait_for_state(bobs[-1].id, RunState.COMPLETED, clusters[0])

    passed, waited = [], []
    for bob in (get_run(each.id) for each in bobs):
        assert bob.started_at is not None
        between = Run.objects.filter(
            tenant="ann", started_at__range=(bob.created_at, bob.started_at)
        )
        passed.append(between.count())
        waited.append((bob.started_at - bob.created_at).total_seconds())
    assert completed("lab.three_steps") < BACKLOG
    assert max(passed) <= 4 * 8  # each of four workers looks for others at every eighth claim
    told = f"{BACKLOG} runs of one tenant; another's first began behind {sorted(passed)} of them"
    record_property("figure", f"{told}, within {max(waited):.3f} s")


def test_never_more_at_once_than_the_limit(lab: Lab, record_property: Tell) -> None:
    clusters = two(lab)
    with transaction.atomic():
        for _ in range(DESKS):
            start(flows.desk, seconds=0.05)
    reach("lab.desk", DESKS // 2, clusters)
    wait_for(lambda: len(_under_way()) > 0, "a step under way", clusters[0].words)
    kill_a_worker(clusters[1])
    reach("lab.desk", DESKS, clusters)

    most = _most_at_once(_spans())
    seconds = _seconds_of("begin")
    assert most <= 3
    assert LimitSlot.objects.filter(run_id__isnull=False).count() == LimitWait.objects.count() == 0
    told = f"{DESKS} steps of 0.05 s, three at once: at most {most} were, in {seconds:.1f} s"
    record_property("figure", f"{told} (at best {DESKS * 0.05 / 3:.1f})")


def test_never_more_often_than_the_rate(lab: Lab, record_property: Tell) -> None:
    clusters = two(lab)
    with transaction.atomic():
        for _ in range(RINGS):
            start(flows.ring)
    reach("lab.ring", RINGS // 2, clusters)
    kill_a_worker(clusters[0])
    reach("lab.ring", RINGS, clusters)

    rung = [at for [at] in rows("SELECT at FROM lab_effect WHERE name = 'rung' ORDER BY at")]
    in_a_second = max(
        sum(first <= at < first + timedelta(seconds=1) for at in rung) for first in rung
    )
    seconds = _seconds_of("rung")
    assert (
        seconds >= (RINGS - 1) / 20 - 0.1
    )  # 0.1: the first and the last may begin late by unlike times
    told = f"{len(rung)} attempts at 20 a second: {seconds:.1f} s, {(len(rung) - 1) / seconds:.1f} a second"
    record_property("figure", f"{told}, at most {in_a_second} within one")


def _under_way() -> list[Any]:
    return rows(
        "SELECT run_id FROM lab_effect GROUP BY run_id, key HAVING count(*) FILTER (WHERE name = 'begin')"
        " > count(*) FILTER (WHERE name = 'end')"
    )


def _spans() -> list[tuple[datetime, datetime]]:
    """Return from when to when each attempt was under way, as its process tells; one that was killed, until
    its process had left its last line."""
    found = rows(
        "SELECT began.at, coalesce((SELECT min(ended.at) FROM lab_effect AS ended "
        " WHERE ended.name = 'end' AND ended.run_id = began.run_id AND ended.pid = began.pid"
        " AND ended.at >= began.at), began.at) FROM lab_effect AS began WHERE began.name = 'begin'"
    )
    return [(began, ended) for began, ended in found]


def _most_at_once(spans: list[tuple[datetime, datetime]]) -> int:
    return max(sum(other[0] <= began <= other[1] for other in spans) for began, _ in spans)


def _seconds_of(name: str) -> float:
    [[first, last]] = rows(f"SELECT min(at), max(at) FROM lab_effect WHERE name = '{name}'")
    return float((last - first).total_seconds())
