"""Steps that do as a test says."""

from itertools import combinations
from typing import Any

import pytest
from django.contrib.auth.models import Group

from workflows.api import DefinitionError, RunState, current_step, get_run, start
from workflows.testing import advance, drive_until_idle, fake, history_of
from workflows.tests.testing import stories

pytestmark = pytest.mark.django_db


def test_a_fake_returns_and_remembers_its_calls() -> None:
    with fake(stories.fetch, returns=7) as fetch:
        run = start(stories.fetch_one, number=3)
        drive_until_idle()

    assert get_run(run.id).output == 7
    assert fetch.calls == [((3,), {})]


def test_a_fake_gives_one_result_for_each_attempt() -> None:
    with fake(stories.fetch, results=[ConnectionError("away"), 5]) as fetch:
        run = start(stories.fetch_one)
        advance(seconds=100)

    assert get_run(run.id).output == 5
    assert len(fetch.calls) == 2


def test_more_attempts_than_results_fail_the_test_and_not_only_the_step() -> None:
    too_often = pytest.raises(AssertionError, match="'fetch' was tried more than 1 times")

    with too_often, fake(stories.fetch, results=[ConnectionError("away")]):
        start(stories.fetch_one)
        advance(seconds=1000)


def test_a_fake_raises() -> None:
    with fake(stories.fetch, raises=ValueError("no")):
        run = start(stories.fetch_one)
        advance(seconds=1000)

    assert get_run(run.id).output == "no"
    assert [kind for kind, _ in history_of(run)].count("attempt_failed") == 2


def test_a_fake_does_as_a_function_does_and_knows_its_attempt() -> None:
    def third_time_lucky(number: int) -> int:
        step = current_step()
        assert step is not None
        if step.attempt < 3:
            raise ConnectionError
        return number

    with fake(stories.fetch, does=third_time_lucky):
        run = start(stories.fetch_one, number=9)
        advance(seconds=1000)

    assert get_run(run.id).output == 9


def test_the_inner_fake_goes_before_the_outer_one() -> None:
    outputs = []
    with fake(stories.fetch, returns=1):
        with fake(stories.fetch, returns=2):
            outputs.append(output_of_fetch())
        outputs.append(output_of_fetch())
    outputs.append(output_of_fetch())

    assert outputs == [2, 1, 20]


def test_the_step_is_itself_again_after_an_error_in_the_block() -> None:
    with pytest.raises(KeyError), fake(stories.fetch, returns=1):
        raise KeyError

    assert output_of_fetch() == 20


def test_a_compensation_can_be_faked() -> None:
    run = start(stories.trip)

    with fake(stories.undo_book) as undo, fake(stories.fetch, raises=ValueError("full")):
        advance(seconds=3600)

    booked = list(Group.objects.filter(name__in=["flight", "hotel"]).values_list("pk", "name"))
    assert [call for call, _ in undo.calls] == sorted(booked, reverse=True)
    assert get_run(run.id).state == RunState.COMPENSATED


def test_an_action_can_be_faked() -> None:
    with fake(stories.tell, returns="nothing") as tell:
        run = start(stories.tell_one)
        drive_until_idle()

    assert get_run(run.id).output == "nothing"
    assert tell.calls == [((), {"who": "bob"})]


def test_each_branch_of_a_gather_meets_the_fake() -> None:
    with fake(stories.fetch, does=lambda number: number * 100) as fetch:
        run = start(stories.fetch_all)
        drive_until_idle()

    assert get_run(run.id).output == [100, 200]
    assert sorted(call for call, _ in fetch.calls) == [(1,), (2,)]


def test_a_fake_stores_only_what_the_step_could() -> None:
    with fake(stories.fetch, returns="not a number"):
        run = start(stories.fetch_one)
        drive_until_idle()

    assert "cannot be stored" in get_run(run.id).output


def test_a_fake_takes_only_the_arguments_of_the_step() -> None:
    with fake(stories.fetch, returns=1) as fetch, pytest.raises(TypeError):
        fetch(1, 2, 3)


WAYS: dict[str, Any] = {"returns": 1, "results": [1], "raises": KeyError(), "does": int}


@pytest.mark.parametrize("pair", list(combinations(WAYS, 2)))
def test_two_ways_at_once_are_refused(pair: tuple[str, str]) -> None:
    refused = pytest.raises(ValueError, match="give one of")

    with refused, fake(stories.fetch, **{way: WAYS[way] for way in pair}):
        pass


def test_an_error_may_be_given_by_its_class() -> None:
    with fake(stories.fetch, raises=ConnectionError) as fetch:
        run = start(stories.fetch_one)
        advance(seconds=1000)

    assert history_of(run)[0] == ("attempt_failed", "fetch")
    assert len(fetch.calls) == 3

    with fake(stories.fetch, results=[ConnectionError, 5]):
        run = start(stories.fetch_one)
        advance(seconds=1000)

    assert get_run(run.id).output == 5


def test_a_step_is_named_by_its_path_and_an_action_by_its_name() -> None:
    with fake("workflows.tests.testing.stories.fetch", returns=7):
        assert output_of_fetch() == 7

    with fake("kit_tell", returns="nothing"):
        run = start(stories.tell_one)
        drive_until_idle()

    assert get_run(run.id).output == "nothing"


@pytest.mark.parametrize("name", ["fetch", "workflows.tests.nowhere.fetch"])
def test_a_name_that_is_neither_is_told(name: str) -> None:
    told = pytest.raises(
        DefinitionError, match="give the step itself, its dotted path, or the name"
    )

    with told, fake(name, returns=1):
        pass


@pytest.mark.parametrize("error", [SystemExit("enough"), ValueError("enough")])
def test_whatever_can_be_raised_is_raised_and_is_no_result(error: BaseException) -> None:
    with fake(stories.fetch, raises=error) as fetch, pytest.raises(type(error), match="enough"):
        fetch(1)
    with fake(stories.fetch, results=[error]) as fetch, pytest.raises(type(error), match="enough"):
        fetch(1)


def output_of_fetch() -> object:
    run = start(stories.fetch_one, number=10)
    drive_until_idle()
    return get_run(run.id).output


@pytest.mark.parametrize(
    ("way", "given", "words"),
    [
        ("raises", 5, "give an exception"),
        ("raises", "boom", "give an exception"),
        ("raises", int, "give an exception"),
        ("results", 5, "give a list"),
        ("results", "ab", "give a list"),
        ("does", 5, "give a function"),
    ],
)
def test_a_fake_of_the_wrong_kind_is_refused_before_the_step_runs(
    way: str, given: Any, words: str
) -> None:
    with pytest.raises(ValueError, match=f"^fake: {way} is .*; {words}"):
        fake(stories.fetch, **{way: given}).__enter__()
