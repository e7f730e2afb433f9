"""The bench runs and writes its figures; what the figures are is no test's business."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

from bench.figures import Operation, quantile
from bench.measures.round_trips import counted
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


BEGIN = ['CommandComplete\t "BEGIN"', "ReadyForQuery\t T"]
ONE_ROW = ["DataRow\t 1 1 '7'", 'CommandComplete\t "SELECT 1"', "ReadyForQuery\t "]
FAILURE = ['ErrorResponse\t S "ERROR" V "ERROR" C "22012"', "ReadyForQuery\t "]
ROLLBACK = ['CommandComplete\t "ROLLBACK"', "ReadyForQuery\t "]
COMMIT = ['CommandComplete\t "COMMIT"', "ReadyForQuery\t I"]


def ends(answer: list[str], state: str) -> list[str]:
    """Return the answer with the state that the server says at its end."""
    return [*answer[:-1], answer[-1] + state]


@pytest.mark.parametrize(
    "answers, round_trips, commits",
    [
        pytest.param([ends(ONE_ROW, "I")] * 3, 3, 3, id="statements of their own"),
        pytest.param([BEGIN, ends(ONE_ROW, "T"), COMMIT], 3, 1, id="a transaction"),
        pytest.param([ends(FAILURE, "I"), ends(ONE_ROW, "I")], 2, 1, id="one failed"),
        pytest.param([BEGIN, ends(FAILURE, "E"), ends(ROLLBACK, "I")], 3, 0, id="undone"),
        pytest.param(
            [BEGIN, ends(FAILURE, "E"), ends(ROLLBACK, "T"), COMMIT], 4, 1, id="undone in part"
        ),
    ],
)
def test_a_commit_is_an_answer_that_ends_a_transaction_and_undoes_nothing(
    answers: list[list[str]], round_trips: int, commits: int
) -> None:
    asked = '2026-11-22 02:17:30.818824\tF\t27\tQuery\t "SELECT 7\n FROM it"\n'
    lines = [
        line
        for answer in answers
        for line in [asked, *(f"2026-11-22 02:17:30.822837\tB\t13\t{sent}\n" for sent in answer)]
    ]

    operation = counted("".join(lines).encode().splitlines(keepends=True))

    assert operation == Operation(round_trips=round_trips, commits=commits)


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
