"""Somebody keeps a transaction open that has sent events to runs: only these runs wait for it."""

import time
from uuid import UUID

import pytest
from django.db import transaction

from workflows.api import RunState, get_run, send_event, start
from workflows.tests.builders import elsewhere
from workflows.tests.cluster import flows
from workflows.tests.cluster.lab import (
    Cluster,
    Lab,
    effects,
    most_crashes,
    wait_for,
    wait_for_state,
)
from workflows.tests.crash.invariants import breaches

pytestmark = [pytest.mark.cluster, pytest.mark.crash]

LONGEST_SECONDS = 8.0
"""The wait of the workers, and what a busy machine adds."""


def started(number: int) -> UUID:
    """Start a run of three steps on a connection of its own, outside of the open transaction."""
    return elsewhere(lambda: start(flows.three_steps, key=str(number)).id).result(10)


def completed_within(run_id: UUID, cluster: Cluster) -> float:
    began = time.monotonic()
    wait_for_state(run_id, RunState.COMPLETED, cluster)
    return time.monotonic() - began


def test_an_open_transaction_that_has_sent_events_stops_no_other_run(
    lab: Lab, record_property: object
) -> None:
    cluster = lab.cluster().wait_until_ready()
    gate = lab.gate()
    touched = [start(flows.held, gate=str(gate)), start(flows.held_atomic, gate=str(gate))]
    wait_for(lambda: all(effects(run.id) for run in touched), "both steps", cluster.words)

    with transaction.atomic():
        for run in touched:
            send_event(run.id, "news")
        gate.touch()
        took = completed_within(started(1), cluster)
        again = completed_within(started(2), cluster)
    for run in touched:
        wait_for_state(run.id, RunState.COMPLETED, cluster)

    assert took < LONGEST_SECONDS
    assert again < 2
    assert [most_crashes(run.id) for run in touched] == [0, 0]
    assert [get_run(run.id).crashes for run in touched] == [0, 0]
    assert "holds the row of the run" in cluster.words()
    assert breaches() == {}
