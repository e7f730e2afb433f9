"""The chore that prunes: a batch at a time, then a rest until the next round."""

from collections.abc import Iterator

import pytest
from django.test import override_settings

from workflows.cluster.retention import BETWEEN_BATCHES_SECONDS, BETWEEN_ROUNDS_SECONDS, Prune
from workflows.core.retention import keep_all_for
from workflows.engine import prune as engine
from workflows.store.database import Connection
from workflows.tests.builders import connected
from workflows.tests.flows import greet_once
from workflows.tests.listening import announced
from workflows.tests.old_runs import ended, ids

pytestmark = pytest.mark.usefixtures("lab")
MONTH_OF_ALL = keep_all_for(30 * 86_400)
MONTH = override_settings(WORKFLOWS={"retention": {"*": "30d"}})


@pytest.fixture
def own() -> Iterator[Connection]:
    with connected() as own:
        yield own


@MONTH
def test_a_round_goes_batch_by_batch_and_tells_what_went(
    own: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BATCH", 2)
    for name in "abc":
        ended(greet_once, name=name)
    chore = Prune()
    left, rests = [], []

    with announced("runs_pruned") as told:
        for _ in range(3):
            chore(own)
            left.append(len(ids()))
            rests.append(chore.every_seconds())

    assert left == [1, 0, 0]
    assert rests == [BETWEEN_BATCHES_SECONDS, BETWEEN_BATCHES_SECONDS, BETWEEN_ROUNDS_SECONDS]
    assert [said["runs"] for _, said in told] == [3]


def test_without_a_setting_nothing_goes_and_nothing_is_told(own: Connection) -> None:
    ended(greet_once, name="Ann")
    chore = Prune()

    with announced("runs_pruned") as told:
        chore(own)

    assert len(ids()) == 1
    assert chore.every_seconds() == BETWEEN_ROUNDS_SECONDS
    assert told == []


@MONTH
def test_a_round_that_was_cut_begins_anew_on_the_next_connection(
    own: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "BATCH", 1)
    for name in "ab":
        ended(greet_once, name=name)
    chore = Prune()
    chore(own)
    own.close()

    with connected() as another:
        for _ in range(2):
            chore(another)

    assert ids() == set()


@MONTH
def test_two_clusters_prune_beside_each_other(own: Connection) -> None:
    for name in "abc":
        ended(greet_once, name=name)

    with connected() as another, own.transaction():
        assert sum(each.runs for each in engine.prune(MONTH_OF_ALL, own=own)) == 3
        assert sum(each.runs for each in engine.prune(MONTH_OF_ALL, own=another)) == 0

    assert ids() == set()
