"""The statements of pruning: what they find by which index, and that deletion costs no scan."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.utils import timezone

from workflows.core.retention import Rule
from workflows.models import Run
from workflows.store.prune import Top, count_old, list_ended_workflows, list_old
from workflows.tests.builders import driven
from workflows.tests.flows import greet_once, wait_for_go
from workflows.tests.old_runs import age, chain, ended, tree

pytestmark = pytest.mark.django_db
HOUR = 3600


def test_the_workflows_of_which_runs_have_ended() -> None:
    assert list_ended_workflows() == []

    for name in "ab":
        ended(greet_once, name=name)
    ended(tree)
    driven(wait_for_go)

    assert list_ended_workflows() == ["tests.greet", "tests.tree"]


def test_families_are_found_by_their_newest_run_the_oldest_first() -> None:
    chained = ended(chain, hops=2)
    newest = Run.objects.get(chain_id=chained.id)
    for days in (50, 60):
        run = driven(chain, hops=1)
        Run.objects.filter(pk=run.id).update(finished_at=timezone.now() - timedelta(days=days))
    rule = Rule("tests.chain", "completed", 45 * 24 * HOUR)

    first, second = list_old(rule, after=None, limit=10)
    assert (count_old(rule), first.finished_at < second.finished_at) == (2, True)
    assert list_old(rule, after=first, limit=10) == [second]

    everything = rule._replace(seconds=HOUR)
    assert [top.id for top in list_old(everything, after=second, limit=10)] == [newest.id]
    assert list_old(everything, after=Top(newest.id, newest.finished_at or timezone.now()), limit=1) == []  # fmt: skip


def test_what_points_at_a_deleted_run_is_found_by_index() -> None:
    """PostgreSQL looks for it itself, by the foreign keys: 344 ms for each run of a million."""
    age(1)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        for table, column in (
            ("workflows_event", "run_id"),
            ("workflows_history", "run_id"),
            ("workflows_run", "parent_id"),
        ):
            cursor.execute(
                f"EXPLAIN SELECT FROM {table} WHERE {column} = %s FOR KEY SHARE", [UUID(int=1)]
            )
            plan = "\n".join(line for [line] in cursor.fetchall())
            assert "Seq Scan" not in plan, plan
