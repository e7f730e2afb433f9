"""What ended long ago goes: whole families and chains, never what is open or kept by its own rule."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, transaction

from workflows.api import RunPruned, get_history, send_event, start
from workflows.core.retention import Rule, hashable, keep_all_for, read_rules
from workflows.engine import prune as engine
from workflows.engine.prune import Batch, count_families, forget_keys, prune
from workflows.models import PrunedKey, Run
from workflows.testing import drive_until_idle
from workflows.tests.builders import PATIENCE_SECONDS, connected, driven, elsewhere, until
from workflows.tests.flows import greet_once, wait_for_go
from workflows.tests.old_runs import age, chain, ended, fails, ids, tree, what_is_left

pytestmark = pytest.mark.django_db
MONTH = keep_all_for(30 * 86_400)
TREE, CHAIN_OF_3 = 3, 6


def pruned(rules: Sequence[Rule] = MONTH, **options: Any) -> Batch:
    """Prune all there is; return what it came to."""
    batches = list(prune(rules, **options))
    return Batch(sum(each.families for each in batches), sum(each.runs for each in batches))


def rules(**retention: Any) -> Sequence[Rule]:
    return read_rules(hashable({name.replace("__", "."): each for name, each in retention.items()}))


def test_a_run_that_ended_long_ago_goes_with_all_that_is_known_of_it() -> None:
    run = start(wait_for_go)
    send_event(run.id, "go")
    drive_until_idle()
    age(31)

    assert pruned() == (1, 1)

    assert what_is_left() == (0, 0, 0)


def test_what_ended_lately_or_has_not_ended_stays() -> None:
    ended(greet_once, name="Ann", days_ago=29)
    waiting = driven(wait_for_go)

    assert pruned() == (0, 0)

    assert waiting.id in ids()
    assert len(ids()) == 2


def test_a_family_goes_with_its_children() -> None:
    ended(tree)

    assert pruned() == (1, TREE)

    assert what_is_left() == (0, 0, 0)


def test_a_family_of_which_a_detached_child_is_open_stays_whole() -> None:
    ended(tree, waits=True, detached=True)
    before = what_is_left()

    assert pruned() == (1, 0)

    assert what_is_left() == before


def test_a_family_of_which_a_child_ended_lately_stays_whole() -> None:
    run = ended(tree)
    Run.objects.filter(parent=run.id, parent_position=2).update(finished_at=run.created_at)

    assert pruned() == (1, 0)

    assert len(ids()) == TREE


def test_a_chain_goes_whole_with_the_children_of_each_of_its_runs() -> None:
    ended(chain, hops=3)
    assert len(ids()) == CHAIN_OF_3

    assert pruned() == (1, CHAIN_OF_3)

    assert what_is_left() == (0, 0, 0)


def test_a_chain_that_goes_on_stays_from_its_first_run() -> None:
    ended(chain, hops=3, waits=True)

    assert pruned() == (0, 0)

    assert len(ids()) == CHAIN_OF_3


def test_a_child_that_is_kept_longer_keeps_its_family() -> None:
    ended(tree)

    kept = pruned(rules(**{"*": "30d", "tests__leaf": {"completed": "90d"}}))

    assert kept == (1, 0)
    assert pruned(rules(**{"*": "30d", "tests__leaf": {"completed": "35d"}})) == (1, TREE)


def test_a_child_of_which_nothing_is_said_goes_with_its_family() -> None:
    ended(tree)

    assert pruned(rules(tests__tree="30d")) == (1, TREE)


def test_a_child_that_is_kept_for_ever_keeps_its_family() -> None:
    ended(tree)

    assert pruned(rules(tests__tree="30d", tests__leaf=None)) == (1, 0)


def test_each_workflow_and_each_end_has_its_own_rule() -> None:
    ended(greet_once, name="Ann")
    failed = ended(fails)

    assert pruned(rules(**{"*": "30d", "tests__fails": {"failed": None}})) == (1, 1)
    assert failed.id in ids()
    assert pruned(rules(**{"*": {"failed": "30d"}})) == (1, 1)


def test_nothing_goes_where_nothing_is_said() -> None:
    ended(greet_once, name="Ann")

    assert pruned(rules()) == (0, 0)


def test_a_dry_run_counts_what_would_go_and_touches_nothing() -> None:
    ended(tree)
    ended(tree, waits=True, detached=True, key="kept")
    before = what_is_left()

    assert pruned(dry_run=True) == (2, TREE)

    assert what_is_left() == before
    assert count_families(MONTH) == 2
    assert not PrunedKey.objects.exists()


def test_batches_come_past_families_that_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "BATCH", 2)
    for _ in range(3):
        ended(tree, waits=True, detached=True)
    for name in "abcde":
        ended(greet_once, name=name)

    batches = list(prune(MONTH))

    assert sum(each.runs for each in batches) == 5
    assert max(each.families for each in batches) == 2
    assert len(ids()) == 3 * TREE


def test_where_what_is_to_be_kept_cannot_be_nothing_is_deleted() -> None:
    run = ended(tree)

    def fail(run_ids: Sequence[UUID]) -> None:
        assert run.id in run_ids
        raise OSError("No space left on device")

    with pytest.raises(OSError, match="No space"):
        pruned(keep=fail)

    assert len(ids()) == TREE


@pytest.mark.usefixtures("committed")
def test_nobody_is_waited_for_a_family_that_somebody_holds_stays() -> None:
    run = ended(tree)
    other = ended(greet_once, name="Ann")

    with connected() as theirs, theirs.transaction():
        theirs.execute(
            "SELECT FROM workflows_run WHERE parent_id = %s LIMIT 1 FOR KEY SHARE", [run.id]
        )
        assert pruned() == (2, 1)

    assert other.id not in ids()
    assert len(get_history(run.id)) > 0


@pytest.mark.usefixtures("committed")
@pytest.mark.parametrize("statement", range(1, 10))
def test_killed_anywhere_a_prune_leaves_no_half_family(statement: int) -> None:
    """A session that is ended at any of the statements of a batch."""
    run = ended(chain, hops=3, key="once")
    before = what_is_left()

    with connected() as own:
        sent: list[str] = []
        execute = own.cursor_factory.execute

        def dying(cursor: Any, sql: Any, *args: Any, **options: Any) -> Any:
            sent.append(str(sql))
            if len(sent) == statement:
                own.close()
            return execute(cursor, sql, *args, **options)

        with pytest.MonkeyPatch.context() as patch, pytest.raises(Exception, match="closed"):
            patch.setattr(own.cursor_factory, "execute", dying)
            pruned(own=own)

    assert what_is_left() == before
    assert not PrunedKey.objects.exists()
    assert until(lambda: pruned().runs) == CHAIN_OF_3  # once the server has noticed, and let go
    assert PrunedKey.objects.get().run_id == run.id


def test_the_key_of_a_pruned_run_refuses_a_second_start() -> None:
    run = ended(greet_once, name="Ann", key="slot-3")
    pruned()

    for name in ("Ann", "Bob"):
        with pytest.raises(RunPruned, match=r"key 'slot-3' of 'tests\.greet' was used") as refused:
            start(greet_once, key="slot-3", name=name)

    assert (refused.value.run_id, refused.value.state) == (str(run.id), "completed")
    assert start(greet_once, key="slot-4", name="Ann").id in ids()
    assert start(wait_for_go, key="slot-3").id in ids()


def test_a_key_that_is_forgotten_starts_again() -> None:
    ended(greet_once, name="Ann", key="slot-3")
    pruned()
    assert forget_keys(older_than_seconds=60) is False
    with connection.cursor() as cursor:
        cursor.execute("UPDATE workflows_prunedkey SET pruned_at = now() - interval '2 minutes'")

    forget_keys(older_than_seconds=60)

    again = start(greet_once, key="slot-3", name="Bob")
    drive_until_idle()
    age(40)
    assert pruned() == (1, 1)
    assert PrunedKey.objects.get().run_id == again.id


@pytest.mark.usefixtures("committed")
def test_a_start_that_waits_for_the_deletion_of_its_keys_run_starts_nothing() -> None:
    """Its statement began when there was a run and no pruned key."""
    ended(greet_once, name="Ann", key="slot-3")

    with transaction.atomic():
        [_] = prune(MONTH)
        late = elsewhere(lambda: start(greet_once, key="slot-3", name="Ann"))
        with pytest.raises(TimeoutError):
            late.result(0.5)

    with pytest.raises(Exception, match="belongs to a run that has ended and was pruned"):
        late.result(PATIENCE_SECONDS)
    assert ids() == set()
