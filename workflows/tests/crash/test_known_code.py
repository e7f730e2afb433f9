"""Two clusters, each with code that the other lacks; workers killed at every write of their runs."""

from types import ModuleType
from uuid import UUID

import pytest

from workflows.api import get_run, start
from workflows.tests.cluster import crash_points
from workflows.tests.cluster.lab import Cluster, Lab, effects, rows
from workflows.tests.cluster.releases import v1, v2
from workflows.tests.crash.invariants import breaches
from workflows.tests.crash.points import POINTS, recoveries, wait_until_over

pytestmark = [pytest.mark.cluster, pytest.mark.crash]

LEFT = {v1: ["v1 begins", "v1 ends"], v2: ["v2 begins", "v2 checks", "v2 ends"]}
LOST = """
    SELECT run.version, worker.pid FROM workflows_history AS line
    JOIN workflows_run AS run ON run.id = line.run_id
    JOIN workflows_worker AS worker ON worker.id = (line.data->>'worker')::bigint
    WHERE line.kind = 'recovered'
"""
DROVE = """
    SELECT run.version, pid FROM lab_effect JOIN workflows_run AS run ON run.id = run_id
"""


def test_runs_killed_anywhere_are_claimed_by_none_but_the_cluster_that_has_their_code(
    lab: Lab,
) -> None:
    clusters = {v1: start_cluster(lab, "v1"), v2: start_cluster(lab, "v2")}
    calm = {release: begin(release, "nowhere") for release in clusters}
    wait_until_over(list(calm.values()), clusters[v1])

    killed = {
        begin(release, f"{point}:{time}"): (release, f"{point}:{time}")
        for release, cluster in clusters.items()
        for point in POINTS
        for time in (1, 2)
        if crash_points.calls(cluster.folder, calm[release], point.partition(":")[0]) >= time
    }
    wait_until_over(list(killed), clusters[v1])

    died = [crash_points.killed(cluster.folder) for cluster in clusters.values()]
    assert died[0] | died[1] == {str(run_id): at for run_id, (_, at) in killed.items()}
    assert all({"claim_run:before:1", "end_run:after:1"} <= set(each.values()) for each in died)
    assert wrong_ends(killed) == {}
    assert strangers(clusters) == set()
    assert recoveries() == [0, 1]
    assert breaches() == {}


def start_cluster(lab: Lab, release: str) -> Cluster:
    return lab.cluster(release=release, crashes=True, poll_seconds=0.1, guard_cycle=0.05)


def begin(release: ModuleType, crash_at: str) -> UUID:
    """Start a run of that release, which dies there."""
    run = start(release.order, way="naps", crash_at=crash_at)
    run_id: UUID = run.id
    return run_id


def wrong_ends(killed: dict[UUID, tuple[ModuleType, str]]) -> dict[str, object]:
    """Return the runs that did not end as one of their release does in peace."""
    wrong: dict[str, object] = {}
    for run_id, (release, at) in killed.items():
        name, left = release.__name__.rpartition(".")[2], effects(run_id)
        if left[:2] == ["v2 begins", "v2 begins"]:
            left = left[1:]  # a plain step, killed before its record
        if (get_run(run_id).output, left) != (name, LEFT[release]):
            wrong[f"{name} killed at {at}"] = (get_run(run_id).output, left)
    return wrong


def strangers(clusters: dict[ModuleType, Cluster]) -> set[tuple[int, int]]:
    """Return the versions of runs, with the processes that drove them or died of them, that are
    not of the cluster with that version."""
    theirs = {1: clusters[v1].everybody(), 2: clusters[v2].everybody()}
    found = {(version, pid) for version, pid in rows(LOST) + rows(DROVE)}
    assert {version for version, _ in rows(LOST)} == {1, 2}
    return {(version, pid) for version, pid in found if pid not in theirs[version]}
