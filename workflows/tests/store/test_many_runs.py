"""Many runs by one statement: those whose keys are free."""

from uuid import uuid4

import pytest

from workflows.core.signature import Input
from workflows.models import History, PrunedKey, Run
from workflows.store.many_runs import create_runs, find_by_keys
from workflows.tests.builders import new_run

pytestmark = pytest.mark.django_db


def test_those_whose_keys_are_free_are_created_in_their_order() -> None:
    PrunedKey.objects.create(workflow="tests.made", key="gone", run_id=uuid4(), state="completed")
    keys = [None, "a", "b", "a", "gone", None]
    runs = [new_run(key=key, input=Input(f'{{"n": {n}}}')) for n, key in enumerate(keys)]

    created = create_runs(runs)

    expected = [runs[0].id, runs[1].id, runs[2].id, runs[5].id]
    assert created == set(expected)
    assert list(Run.objects.order_by("created_at").values_list("id", flat=True)) == expected
    assert find_by_keys("tests.made", ["a", "b", "c"]) == {
        "a": (runs[1].id, Input('{"n": 1}')),
        "b": (runs[2].id, Input('{"n": 2}')),
    }


def test_attributes_are_recorded_where_there_are_some() -> None:
    create_runs([new_run(), new_run()])
    create_runs([new_run(attributes='{"a": 1}') for _ in range(2)])

    assert History.objects.count() == 2
