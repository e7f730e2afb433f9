"""The host of a cluster loses its power in the middle of atomic steps: its packets are dropped, both
ways, for a minute. Needs root and `ip` of iproute2, and makes a network namespace. Run by name:

python3 run.py test workflows/tests/crash/soak_lost_host.py -n 0 -s
"""

import contextlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest
from django.db import connection

from workflows.api import start
from workflows.tests.cluster import flows
from workflows.tests.cluster.lab import Cluster, Lab, database_url, effects, rows, wait_for
from workflows.tests.cluster.postgres import FAST, Postgres
from workflows.tests.crash.invariants import breaches
from workflows.tests.crash.reporting import report, wait_until_all_completed

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.crash,
    pytest.mark.skipif(
        os.geteuid() != 0 or shutil.which("ip") is None, reason="needs root and iproute2"
    ),
]

SPACE, NEAR, FAR = "lab-far", "10.77.0.1", "10.77.0.2"
NOBODY = "02:00:00:00:00:99"
LEASE_SECONDS, RUNS, DARK_SECONDS = 15.0, 20, 60.0
SESSIONS = f"SELECT count(*) FROM pg_stat_activity WHERE client_addr = '{FAR}'"


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


@contextlib.contextmanager
def far_host() -> Iterator[None]:
    """Have a network namespace for the length of the block, one cable away."""
    ip("netns", "add", SPACE)
    try:
        ip("link", "add", "lab-near", "type", "veth", "peer", "name", "lab-far", "netns", SPACE)
        ip("addr", "add", f"{NEAR}/24", "dev", "lab-near")
        ip("link", "set", "lab-near", "up")
        ip("-n", SPACE, "addr", "add", f"{FAR}/24", "dev", "lab-far")
        ip("-n", SPACE, "link", "set", "lab-far", "up")
        yield
    finally:
        ip("netns", "del", SPACE)


def cut_power() -> None:
    """Send what either side sends to nobody, without a word."""
    ip("neigh", "replace", FAR, "lladdr", NOBODY, "dev", "lab-near", "nud", "permanent")
    ip(
        "-n",
        SPACE,
        "neigh",
        "replace",
        NEAR,
        "lladdr",
        NOBODY,
        "dev",
        "lab-far",
        "nud",
        "permanent",
    )


def bring_power_back() -> None:
    ip("neigh", "del", FAR, "dev", "lab-near")
    ip("-n", SPACE, "neigh", "del", NEAR, "dev", "lab-far")


class FarCluster(Cluster):
    """A cluster on the far host, which has a name of its own."""

    def program(self) -> Sequence[str]:
        named = 'hostname far-host && exec "$@"'
        apart = ["ip", "netns", "exec", SPACE, "unshare", "--uts", "sh", "-c", named, "sh"]
        return [*apart, *super().program()]


def url_by_cable(postgres: Postgres) -> str:
    """Let the server listen there; return the URL of the database that is used."""
    with (postgres.server.data / "pg_hba.conf").open("a") as rules:
        rules.write(f"host all all {FAR}/32 trust\n")
    connection.close()
    postgres.stop(FAST)
    before = postgres.server
    postgres.server = replace(before, settings=(*before.settings, f"listen_addresses={NEAR}"))
    postgres.start()
    return re.sub(r"@/(.*)\?.*", rf"@{NEAR}:5432/\1", database_url())


def test_a_host_without_power_keeps_no_run_and_no_lock(
    own_lab: Lab, postgres: Postgres, record_property: Callable[[str, object], None]
) -> None:
    with far_host():
        url = url_by_cable(postgres)
        far = own_lab.cluster(workers=4, kind=FarCluster, url=url, lease_seconds=LEASE_SECONDS)
        far.wait_until_ready()
        gate = own_lab.gate()
        rows("INSERT INTO lab_effect (name, key) VALUES ('the row of all', '') RETURNING id")
        locked = start(flows.locking, gate=str(gate))
        wait_for(lambda: effects(locked.id), "the step to begin", far.words)
        for _ in range(RUNS):
            start(flows.many_steps, steps=4, seconds=0.5)
        wait_for(lambda: rows("SELECT count(*) FROM lab_effect")[0][0] > 5, "work", far.words)
        near = own_lab.cluster(workers=4, lease_seconds=LEASE_SECONDS).wait_until_ready()

        cut_power()
        dark = time.monotonic()
        wait_for(lambda: len(effects(locked.id)) == 2, "another worker", near.words)
        took = time.monotonic() - dark
        gate.touch()
        wait_for(lambda: rows(SESSIONS) == [(0,)], "the server to notice", near.words)
        noticed = time.monotonic() - dark
        wait_until_all_completed([near], 60)
        time.sleep(max(0.0, DARK_SECONDS - (time.monotonic() - dark)))
        bring_power_back()
        light = time.monotonic()
        wait_for(lambda: len(far.living()) == 4, "the far workers", far.words, 90)
        back = time.monotonic() - light
        for _ in range(RUNS):
            start(flows.three_steps)
        wait_until_all_completed([near, far], 60)

        told = report(
            [near, far],
            f"a host dark for {DARK_SECONDS:g} s: its lock taken over after {took:.1f} s, its sessions gone "
            f"after {noticed:.1f} s, its workers back {back:.1f} s after the power",
        )
        record_property("figure", told)
        print("--- the near cluster", near.words(), "--- the far cluster", far.words(), sep="\n")  # noqa: T201
        assert took < LEASE_SECONDS + 5
        assert breaches() == {}
        own_lab.close()
