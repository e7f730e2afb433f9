"""This process in the place of a cluster's worker, as far as the cluster's shared memory goes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock
from uuid import UUID, uuid4

from workflows.cluster import held_runs, shared
from workflows.core.run import StepInfo
from workflows.engine.attempts import running_step
from workflows.engine.attempts.running_step import Running
from workflows.engine.attempts.time_limit import Limit
from workflows.engine.session.run_growth import RunGrowth
from workflows.engine.session.run_stream import RunStream

SLOT = 1


@contextmanager
def as_a_worker(pid: int | None = None) -> Iterator[None]:
    """Have a slot, as the process of this pid (None: our own); leave no trace."""
    shared._used.value = max(shared._used.value, SLOT + 1)
    with mock.patch.object(shared, "_slot", SLOT), mock.patch.object(running_step, "_witness"):
        shared._pids[SLOT] = os.getpid() if pid is None else pid
        held_runs.begin()
        try:
            yield
        finally:
            shared.set_holding(False)
            held_runs.begin()
            shared._pids[SLOT] = 0


def an_attempt(
    name: str = "pack", *, run_id: UUID | None = None, attempt: int = 1, limit: Limit | None = None
) -> Running:
    """Return an attempt of a step at position 1, in this attempt of its run."""
    info = StepInfo(run_id=run_id or uuid4(), name=name, position=1, attempt=2)
    return Running(
        info=info,
        attempt=attempt,
        limit=limit or Limit(None),
        undo=False,
        growth=RunGrowth({}, None),
        run_stream=RunStream(info.run_id, attempt),
        in_test=False,
    )
