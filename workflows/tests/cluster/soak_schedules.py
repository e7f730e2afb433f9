"""Sixty ticks of a second over three clusters, with kills midway; too long for the suite, so call it by its
name:

python3 run.py test workflows/tests/cluster/soak_schedules.py -n 0 -s
"""

import os
import signal
from collections.abc import Callable

import pytest

from workflows.api import get_schedule, pause_schedule, put_schedule
from workflows.models import Run
from workflows.tests.cluster import flows
from workflows.tests.cluster.lab import Lab, completed, wait_for
from workflows.tests.cluster.ticking import each_tick_once, ticks_of

pytestmark = pytest.mark.cluster
TICKS = 60
PATIENCE_SECONDS = 150.0


def test_sixty_ticks_have_a_run_each(
    lab: Lab, record_property: Callable[[str, object], None]
) -> None:
    clusters = [lab.cluster(workers=2).wait_until_ready() for _ in range(3)]
    put_schedule("ticks", flows.atomic_steps, every_seconds=1, overlap="allow")

    def reach(count: int) -> None:
        words = clusters[2].words
        wait_for(lambda: len(ticks_of("ticks")) >= count, f"{count} ticks", words, PATIENCE_SECONDS)

    reach(20)
    clusters[0].close()  # the whole host
    reach(30)
    os.kill(clusters[1].pid("pusher"), signal.SIGKILL)
    reach(40)
    os.kill(clusters[2].pid("pusher"), signal.SIGKILL)
    reach(TICKS)
    pause_schedule("ticks")

    each_tick_once("ticks")
    started = get_schedule("ticks").started
    wait_for(lambda: completed("lab.atomic_steps") == started, "the ends", clusters[2].words)
    late = sorted(
        (run.created_at - tick).total_seconds()
        for run, tick in zip(Run.objects.order_by("key"), ticks_of("ticks"), strict=True)
    )
    half, most = late[len(late) // 2], late[-1]
    record_property(
        "figure", f"{len(late)} ticks: half begin within {half:.3f} s, all within {most:.3f} s"
    )
