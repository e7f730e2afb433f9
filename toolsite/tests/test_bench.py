"""The bench runs and writes its figures; what the figures are is no test's business."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

from bench.figures import quantile
from ops.places import ROOT
from toolsite.tests.live_site import database_url


@pytest.mark.django_db
def test_the_bench_counts_the_round_trips_of_every_operation(tmp_path: Path) -> None:
    path = tmp_path / "figures.json"
    options = ["--quick", "--only", "round-trips", "--json", str(path)]

    bench = subprocess.Popen(
        [sys.executable, "-m", "bench", *options],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": database_url()},
        stderr=subprocess.PIPE,
        text=True,
    )
    _, errors = bench.communicate(timeout=120)

    assert bench.returncode == 0, errors
    counted = {each["name"]: each for each in json.loads(path.read_text())["operations"]}
    assert counted["each further step"]["round_trips"] == 1
    assert counted["each further step"]["commits"] == 1
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_database WHERE datname = %s", [f"bench_{bench.pid}"]
        )
        assert cursor.fetchone()[0] == 0, "its database is left behind"


def test_the_bench_says_in_one_line_what_it_lacks() -> None:
    without = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}

    done = subprocess.run(
        [sys.executable, "-m", "bench"],
        cwd=ROOT,
        env=without,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert done.stderr.startswith("bench: DATABASE_URL is not set")


def test_a_quantile_is_one_of_the_values() -> None:
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert quantile([3.0, 1.0, 2.0], 0.99) == 3.0
    assert quantile([1.0], 0.01) == 1.0
