"""Runs are found by what is true of them, in pages, by indexes."""

from typing import Any

import pytest
from django.db import connection

from workflows.api import RunState, start
from workflows.models import Run
from workflows.store.found_runs import Place, count_runs, is_among, list_places, list_runs, matching
from workflows.tests.builders import driven
from workflows.tests.engine.families import parent_that_waits
from workflows.tests.engine.forms import doubled
from workflows.tests.flows import greet_once, wait_for_go

pytestmark = pytest.mark.django_db


def test_the_newest_runs_come_first_up_to_the_limit() -> None:
    started = [start(greet_once, name=name) for name in ("Ann", "Bob", "Cleo")]

    found = list_runs({}, limit=2)

    assert [run.id for run in found] == [started[2].id, started[1].id]


def test_runs_are_found_by_each_of_their_traits_and_by_all_together() -> None:
    parent = driven(parent_that_waits)
    [child] = list_runs({"parent": parent.id})
    start(wait_for_go)

    assert [run.id for run in list_runs({"workflow": "tests.waiting_child"})] == [child.id]
    assert {run.id for run in list_runs({"state": [RunState.WAITING]})} == {parent.id, child.id}
    assert list_runs({"parent": parent.id, "state": [RunState.COMPLETED]}) == []


def test_pages_follow_one_another_without_a_gap_also_at_one_moment() -> None:
    started = [start(doubled, each) for each in range(5)]
    Run.objects.update(created_at=started[0].created_at)

    seen: list[Any] = []
    while page := list_runs({}, after=Place(*seen[-1]) if seen else None, limit=2):
        seen += [(run.created_at, run.id) for run in page]

    assert [run_id for _, run_id in seen] == sorted((run.id for run in started), reverse=True)


def test_places_come_the_oldest_first_up_to_a_moment() -> None:
    started = [start(doubled, each) for each in range(3)]
    until = started[1].created_at

    first = list_places({}, until=until, after=None, limit=1)
    rest = list_places({}, until=until, after=first[-1], limit=9)

    assert [each.id for each in first + rest] == [run.id for run in started[:2]]
    assert count_runs({}) == (3, started[2].created_at)
    assert count_runs({"owner": "nobody"}) == (0, None)


def test_a_run_is_asked_for_again() -> None:
    run = start(doubled, 7, owner="ann")

    assert is_among(run.id, {"owner": "ann", "state": ["pending"]})
    assert not is_among(run.id, {"owner": "ann", "state": ["failed"]})


MANY = """
    INSERT INTO workflows_run (id, workflow, version, state, status, input, created_at, error, owner,
                               tags, subject, attributes, key)
    SELECT gen_random_uuid(), 'many.' || (n %% 50), 1,
           CASE n %% 1000 WHEN 0 THEN 'failed' ELSE 'completed' END, '', '{}',
           now() - n * interval '1 second',
           CASE n %% 1000 WHEN 0 THEN '{"type": "KeyError", "message": "colour"}'::jsonb END,
           CASE n %% 500 WHEN 0 THEN 'owner ' || n ELSE '' END,
           CASE n %% 500 WHEN 0 THEN ARRAY['tag ' || n, 'a'] ELSE '{}' END,
           CASE n %% 500 WHEN 0 THEN 'shop.order:' || n ELSE '' END,
           CASE n %% 500 WHEN 0 THEN jsonb_build_object('order', n) ELSE '{}' END,
           CASE n %% 5 WHEN 0 THEN 'key ' || n END
    FROM generate_series(1, %s) AS n
"""


@pytest.mark.parametrize(
    "wanted",
    [
        {"workflow": "many.7"},
        {"state": ["failed", "blocked"]},
        {"error": "COLOUR"},
        {"owner": "owner 500"},
        {"tags": ["tag 500"]},
        {"subject": "shop.order:500"},
        {"attributes": {"order": 500}},
        {"key": "key 500"},
    ],
    ids=str,
)
def test_none_of_these_reads_every_run(wanted: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(MANY, [20_000])
        cursor.execute("ANALYZE workflows_run")

    plan = matching(wanted).order_by("-created_at", "-id")[:50].explain()

    assert list_runs(wanted, limit=1) != []
    assert "Seq Scan on workflows_run" not in plan, plan
    assert "run_newest_idx" not in plan, plan
