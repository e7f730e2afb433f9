"""Where the runs of a workflow stand, read from the newest of them."""

import pytest
from django.db import connection

from workflows.api import start
from workflows.core.crowd import Standing, StepFigures
from workflows.core.history import HistoryKind
from workflows.store import standings
from workflows.store.statement import Statement
from workflows.testing import drive_until_idle, send
from workflows.tests.picture.drawn_flows import parcel

pytestmark = pytest.mark.django_db
NAME = "tests.drawn_parcel"


def test_open_runs_are_counted_by_what_they_did_last() -> None:
    runs = [start(parcel, what="letter") for _ in range(3)]
    drive_until_idle()
    send(runs[0], "yes", 1)

    assert standings.load_standings(NAME, 1) == [
        Standing(kind=HistoryKind.WAIT_STARTED, names=("no", "yes"), runs=2)
    ]
    assert standings.load_standings(NAME, 2) == []
    figures = {each.name: each for each in standings.load_step_figures(NAME, 1)}
    assert figures["pack"] == StepFigures(
        name="pack", completed=1, failed=0, seconds=figures["pack"].seconds
    )


@pytest.mark.parametrize("statement", [standings._STANDINGS, standings._FIGURES])
def test_the_newest_are_found_by_their_index_and_their_last_lines_by_theirs(
    statement: Statement,
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
        cursor.execute("SET LOCAL enable_incremental_sort = off")
        cursor.execute(f"EXPLAIN (FORMAT JSON) {statement.text}", (NAME, 1))
        plan = str(cursor.fetchone()[0])

    assert "run_workflow_idx" in plan
    assert "history_once" in plan
    assert "Hash Join" not in plan
    assert "Seq Scan" not in plan
