"""Many runs at once: all or none, each key once, quickly."""

import time
from typing import Any
from unittest import mock

import pytest

from workflows.api import (
    InvalidInput,
    KeyConflict,
    RunState,
    get_run,
    start,
    start_many,
)
from workflows.engine.requests import start_many as many
from workflows.models import Run
from workflows.store.database import intercepted
from workflows.testing import crash_everywhere, drive_until_idle
from workflows.tests.engine.forms import doubled
from workflows.tests.flows import greet_once
from workflows.tests.listening import announced

pytestmark = pytest.mark.django_db


def numbers(count: int) -> list[dict[str, Any]]:
    return [{"number": each} for each in range(count)]


def by_number(input: Any) -> str:
    return f"n{input['number']}"


def test_each_input_has_its_run_in_this_order() -> None:
    ids = start_many(doubled, iter(numbers(5)), owner="ann", tags=["a"], priority=3)
    drive_until_idle()

    runs = [get_run(run_id) for run_id in ids]
    assert [run.output for run in runs] == [0, 2, 4, 6, 8]
    assert {(run.owner, run.tags, run.priority) for run in runs} == {("ann", ("a",), 3)}


def test_a_known_key_gives_its_run_over_batches_and_within_one() -> None:
    known = start(doubled, 3, key="n3")

    with mock.patch.object(many, "BATCH", 2):
        ids = start_many("forms.doubled", [*numbers(5), *numbers(2)], key=by_number)
    again = start_many(doubled, numbers(5), key=by_number)

    assert ids[3] == known.id and ids[5:] == ids[:2]
    assert again == ids[:5]
    assert Run.objects.count() == 5


@pytest.mark.parametrize(
    ("inputs", "key", "why"),
    [
        (numbers(2), "k", "key is 'k'; give a function that makes a run's key out of its input"),
        ([7], None, "an input is 7; give mappings from parameters to values"),
        ({"number": 1}, None, "an input is 'number'; give mappings"),
        (7, None, "inputs are 7; give mappings"),
    ],
)
def test_what_is_no_input_and_no_key_is_refused(inputs: Any, key: Any, why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        start_many(doubled, inputs, key=key)


def test_one_that_cannot_be_lets_none_be_started() -> None:
    start(doubled, 99, key="n3")

    for wrong, why in [(numbers(5), KeyConflict), ([*numbers(3), {"n": 1}], InvalidInput)]:
        with mock.patch.object(many, "BATCH", 2), pytest.raises(why):
            start_many(doubled, wrong, key=by_number if why is KeyConflict else None)

    assert Run.objects.count() == 1
    assert start_many(doubled, []) == []


def test_each_is_announced() -> None:
    with announced("run_started") as told:
        start_many(greet_once, [{"name": "Ann"}, {"name": "Bob"}], key=lambda input: input["name"])

    assert [said["key"] for _, said in told] == ["Ann", "Bob"]


def test_ten_thousand_are_started_within_three_seconds() -> None:
    sent = []

    def count(send: Any, *given: Any) -> Any:
        sent.append(1)
        return send(*given)

    began = time.monotonic()
    with intercepted(count):
        ids = start_many(doubled, numbers(10_000))
    took = time.monotonic() - began

    assert len(set(ids)) == Run.objects.filter(state=RunState.PENDING).count() == 10_000
    assert len(sent) == 20
    assert took < 30  # beside many other processes


def test_killed_anywhere_many_runs_end_the_same() -> None:
    def play() -> None:
        start_many(doubled, numbers(2), key=by_number)

    assert crash_everywhere(play).boundaries > 5
