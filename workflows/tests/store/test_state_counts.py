"""Counts by state are exact where that is cheap, and say where they are not."""

import pytest
from django.db import connection

from workflows.core.states import RunState
from workflows.models import Run
from workflows.store import state_counts
from workflows.store.state_counts import How, count_states

pytestmark = pytest.mark.django_db


def made(**counts: int) -> None:
    Run.objects.bulk_create(
        Run(workflow="tests.made", version=1, state=state, owner="ann")
        for state, count in counts.items()
        for _ in range(count)
    )


def test_few_runs_are_counted_exactly() -> None:
    made(failed=3, completed=2)

    counts = count_states({})

    assert counts[RunState.FAILED] == (3, How.EXACT)
    assert counts[RunState.COMPLETED] == (2, How.EXACT)
    assert counts[RunState.RUNNING] == (0, How.EXACT)


def test_of_many_that_match_a_filter_so_many_are_told_that_there_are_at_least(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(state_counts, "MOST_COUNTED", 4)
    made(failed=9)

    assert count_states({"owner": "ann"})[RunState.FAILED] == (5, How.AT_LEAST)


def test_of_all_runs_the_indexed_states_are_counted_and_the_others_estimated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(state_counts, "MOST_COUNTED", 4)
    made(failed=3, waiting=6, completed=40)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE workflows_run")

    counts = count_states({})

    assert counts[RunState.FAILED] == (3, How.EXACT)
    assert counts[RunState.WAITING] == (4, How.AT_LEAST)
    assert counts[RunState.COMPLETED].how == How.ABOUT
    assert 30 <= counts[RunState.COMPLETED].runs <= 50
    assert counts[RunState.PAUSED] == (0, How.EXACT)
