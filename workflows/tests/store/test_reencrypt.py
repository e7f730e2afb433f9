"""Pages of rows that are to be encrypted anew, and the UPDATE that waits for nobody."""

import threading

import pytest
from django.db import transaction

from workflows.api import start
from workflows.models import Run
from workflows.store import reencrypt as store
from workflows.store.resealing import TABLES
from workflows.tests.builders import elsewhere
from workflows.tests.flows import greet_once

RUNS, *_ = TABLES
SEALED = {"$sealed": "k:abcd"}


@pytest.mark.django_db
def test_a_page_has_the_rows_that_are_not_as_they_should_be() -> None:
    plain, old, ours = (start(greet_once, name="Ann") for _ in range(3))
    Run.objects.filter(pk=old.id).update(input={"$sealed": "old:abcd"})
    Run.objects.filter(pk=ours.id).update(input=SEALED)

    def due(writes: str) -> set[object]:
        return {row.id for row in store.read_page(RUNS, writes, after=None, limit=10).rows}

    assert due("k") == {(plain.id,), (old.id,)}
    assert due("") == {(old.id,), (ours.id,)}
    page = store.read_page(RUNS, "k", after=None, limit=2)
    assert (page.seen, store.count_rows(RUNS)) == (2, 3)
    assert store.read_page(RUNS, "k", after=page.last, limit=2).seen == 1
    assert {row.id for row in store.read_rows(RUNS, "k", [(plain.id,), (ours.id,)])} == {
        (plain.id,)
    }


@pytest.mark.usefixtures("committed")
def test_a_row_that_somebody_holds_is_left_out_and_nobody_is_waited_for() -> None:
    held, free = (start(greet_once, name="Ann").id for _ in range(2))
    rows = store.read_page(RUNS, "k", after=None, limit=10).rows
    locked, over = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Run.objects.select_for_update().get(pk=held)
            locked.set()
            over.wait(60)

    holder = elsewhere(hold)
    locked.wait(60)
    with transaction.atomic():
        written = store.write_rows(RUNS, [(row, '{"input": 1}') for row in rows])
    over.set()
    holder.result()

    assert written == {(free,)}
    assert Run.objects.get(pk=free).input == 1
