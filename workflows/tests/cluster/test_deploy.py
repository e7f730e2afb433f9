"""A rolling deploy: clusters with different code on one database."""

import signal
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from workflows.api import RunState, Workflow, get_run, send_event, start
from workflows.tests.cluster.lab import (
    PATIENCE_SECONDS,
    Cluster,
    Lab,
    effects,
    is_alive,
    rows,
    wait_for,
    wait_for_state,
)
from workflows.tests.cluster.releases import unpatched, v1, v2
from workflows.tests.cluster.releases.ways import WAYS
from workflows.tests.crash.invariants import breaches

pytestmark = [pytest.mark.cluster, pytest.mark.crash]

Runs = dict[str, UUID]
UNDER_WAY = {
    "waits": "SELECT state = 'waiting' FROM workflows_run WHERE id = %s",
    "sleeps": "SELECT state = 'waiting' FROM workflows_run WHERE id = %s",
    "holds": "SELECT count(*) > 0 FROM lab_effect WHERE run_id = %s AND name LIKE '%%held'",
    "holds atomically": "SELECT count(*) > 0 FROM lab_effect WHERE run_id = %s AND name LIKE '%%tried'",
    "retries": "SELECT count(*) > 0 FROM lab_effect WHERE run_id = %s AND name LIKE '%%knocks'",
}
"""Whether a run is in the middle of its way."""


def start_all(order: Workflow[..., Any], gate: Path, ways: Iterable[str] = WAYS) -> Runs:
    return {way: start(order, way=way, gate=str(gate)).id for way in ways}


def wait_until_under_way(runs: Runs, cluster: Cluster) -> None:
    def all_are() -> bool:
        return all(rows(UNDER_WAY[way], run_id)[0][0] for way, run_id in runs.items())

    wait_for(all_are, "all to be in the middle", cluster.words)


def give_the_word(*several: Runs) -> None:
    for runs in several:
        for way in ("waits", "sleeps"):
            send_event(runs[way], "word")


def wait_until_completed(runs: Iterable[UUID], cluster: Cluster) -> None:
    for run_id in runs:
        wait_for_state(run_id, RunState.COMPLETED, cluster)


def drivers(name: str) -> set[int]:
    """Return the processes that left effects of this name."""
    return {pid for (pid,) in rows("SELECT DISTINCT pid FROM lab_effect WHERE name LIKE %s", name)}


def told_of(*kinds: str) -> list[tuple[Any, ...]]:
    return rows("SELECT run_id, kind FROM workflows_history WHERE kind = ANY(%s)", list(kinds))


def effects_of(runs: Runs) -> dict[str, list[str]]:
    """Return what each run left, repeated knocks once."""
    return {
        way: [name for n, name in enumerate(left) if "knocks" not in name or name not in left[:n]]
        for way, left in ((way, effects(run_id)) for way, run_id in runs.items())
    }


def expected(release: str, *, first: tuple[str, ...], again: tuple[str, ...] = ()) -> Any:
    """Return what runs leave. again: the ways whose worker was killed in the middle."""
    held = [f"{release} held"] * (1 + ("holds" in again))
    tried = [f"{release} held was tried"] * (1 + ("holds atomically" in again))
    middle = {
        "waits": [],
        "sleeps": [],
        "holds": held,
        "holds atomically": [*tried, f"{release} held"],
        "retries": [f"{release} knocks"],
    }
    return {way: [*first, *middle[way], f"{release} ends"] for way in WAYS}


def test_two_versions_run_side_by_side_while_the_old_release_stops(lab: Lab) -> None:
    old = lab.cluster(release="v1", workers=3).wait_until_ready()
    gate = lab.gate()
    first = start_all(v1.order, gate)
    wait_until_under_way(first, old)
    early = start_all(v2.order, gate)  # by a web server that was deployed first
    new = lab.cluster(release="v1_and_v2", workers=3).wait_until_ready()
    wait_until_under_way(early, new)

    old.main.send_signal(signal.SIGTERM)
    wait_for(lambda: old.pids("pusher") == [], "the signal to arrive", old.words)
    late = {"retries": start(v2.order, way="retries", gate=str(gate)).id}
    give_the_word(first, early)
    gate.touch()
    old.main.wait(PATIENCE_SECONDS)
    wait_until_completed([*first.values(), *early.values(), *late.values()], new)

    assert {get_run(run_id).output for run_id in first.values()} == {"v1"}
    assert {get_run(run_id).output for run_id in [*early.values(), *late.values()]} == {"v2"}
    assert effects_of(first) == expected("v1", first=("v1 begins",))
    assert effects_of(early) == expected("v2", first=("v2 begins", "v2 checks"))
    assert drivers("v2 %") <= new.everybody()
    assert drivers("v1 begins") | drivers("v1 held%") <= old.everybody()
    assert drivers("v1 ends") <= new.everybody()
    assert told_of("blocked", "recovered", "code_awaited") == []
    assert breaches() == {}


def test_runs_of_a_version_that_was_dropped_too_early_wait_for_it_unharmed(lab: Lab) -> None:
    old = lab.cluster(release="v1", workers=3, max_crashes=2).wait_until_ready()
    gate, open_gate = lab.gate(), lab.gate()
    open_gate.touch()
    first = start_all(v1.order, gate)
    wait_until_under_way(first, old)
    new = lab.cluster(release="v2", max_crashes=2).wait_until_ready()

    old.main.kill()
    wait_for(lambda: not any(map(is_alive, old.everybody())), "its end", old.words)
    for way in ("holds", "holds atomically"):
        wait_for_state(first[way], RunState.PENDING, new)
    give_the_word(first)
    gate.touch()
    five_polls = "SELECT max(at) + interval '1 second' < clock_timestamp() FROM workflows_history"
    wait_for(lambda: rows(five_polls)[0][0], "five polls of the new cluster", new.words)
    second = start_all(v2.order, open_gate, ["holds", "retries"])
    wait_until_completed(second.values(), new)
    abandoned = [get_run(run_id) for run_id in first.values()]
    back = lab.cluster(release="v1_and_v2", max_crashes=2).wait_until_ready()
    wait_until_completed(first.values(), back)

    assert {run.state for run in abandoned} <= {RunState.PENDING, RunState.WAITING}
    assert max(run.crashes for run in abandoned) == 1
    assert {get_run(run_id).output for run_id in first.values()} == {"v1"}
    assert effects_of(first) == expected(
        "v1", first=("v1 begins",), again=("holds", "holds atomically")
    )
    assert drivers("v1 %") <= old.everybody() | back.everybody()
    assert drivers("v1 ends") <= back.everybody()
    assert told_of("blocked", "code_awaited") == []
    assert breaches() == {}


def test_runs_hop_between_code_with_and_without_a_patch(lab: Lab) -> None:
    first_new = lab.cluster(release="patched").wait_until_ready()
    taken = [start(unpatched.rounds).id for _ in range(6)]
    go_on(taken, 1, first_new)
    first_new.stop()
    old = lab.cluster(release="unpatched", workers=1).wait_until_ready()
    passed = [start(unpatched.rounds).id for _ in range(6)]
    go_on(passed, 1, old)

    for run_id in taken:
        send_event(run_id, "next")
    wait_for(lambda: len(told_of("code_awaited")) == 6, "the old code to give them back", old.words)
    go_on(passed, 2, old)
    between = {get_run(run_id).state for run_id in taken}
    new = lab.cluster(release="patched", workers=3).wait_until_ready()
    wait_for(lambda: all(len(effects(each)) == 2 for each in taken), "newer code", new.words)
    for run_id in (*taken, *passed):
        send_event(run_id, "next")
    wait_until_completed([*taken, *passed], new)

    assert between == {RunState.WAITING}
    assert {tuple(get_run(run_id).output) for run_id in taken} == {("new 0", "new 1", "new 2")}
    assert {tuple(get_run(run_id).output) for run_id in passed} == {("old 0", "old 1", "old 2")}
    assert all(effects(run_id) == get_run(run_id).output for run_id in (*taken, *passed))
    assert drivers("new %") <= first_new.everybody() | new.everybody()
    assert told_of("blocked", "recovered") == []
    assert breaches() == {}


def go_on(runs: list[UUID], done: int, cluster: Cluster) -> None:
    """Let each of the runs do its next step."""
    for run_id in runs:
        send_event(run_id, "next")
    wait_for(lambda: all(len(effects(each)) == done for each in runs), "a round", cluster.words)
