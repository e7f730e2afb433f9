"""Rehearsed crashes: sound workflows and the engine pass, seeded bugs are found and named."""

import asyncio
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock

import psycopg
import pytest
from django.contrib.auth.models import Group
from django.db import connection, connections

from workflows.api import Context, start, workflow
from workflows.core.run import Fact
from workflows.engine.attempts import begin_attempt, step_attempt
from workflows.models import Run
from workflows.store import events, history as steps, runs
from workflows.store.database import query_one
from workflows.store.statement import Statement
from workflows.testing import CrashReport, advance, crash_everywhere, fake, send
from workflows.testing.crashes import spread
from workflows.testing.killing import Death, When
from workflows.tests.testing import stories

pytestmark = pytest.mark.django_db


def groups() -> list[str]:
    return sorted(Group.objects.values_list("name", flat=True))


def fails_and_undoes() -> None:
    with fake(stories.fetch, raises=ValueError("full")):
        start(stories.trip)
        advance(seconds=1000)


def goes_on() -> None:
    run = start(stories.trip)
    send(run, "go")


def everything() -> None:
    start(stories.parallel)
    advance(seconds=60)


def one_event() -> None:
    run = start(stories.wait)
    advance(seconds=1)
    send(run, "go", 1)


@pytest.mark.parametrize("scenario", [fails_and_undoes, goes_on, everything, one_event])
def test_a_sound_workflow_ends_alike_wherever_a_worker_dies(scenario: Callable[[], None]) -> None:
    report = crash_everywhere(scenario, observe=groups, at_least_once=lambda: set(stories.done))

    assert report.boundaries >= 2 * report.statements > 4
    assert (Run.objects.count(), groups()) == (0, [])


def test_a_second_death_during_the_recovery_changes_nothing() -> None:
    report = crash_everywhere(fails_and_undoes, observe=groups, pairs=10)

    assert report.pairs == 10


def test_it_works_where_every_statement_commits(committed: None) -> None:
    report = crash_everywhere(goes_on, observe=groups)

    assert report.boundaries > 10
    assert Run.objects.count() == 0


def test_an_effect_outside_the_transaction_of_an_atomic_step_is_found() -> None:
    def scenario() -> None:
        stories.done.clear()
        start(stories.careless)

    with pytest.raises(AssertionError) as found:
        crash_everywhere(scenario, observe=lambda: list(stories.done))

    told = str(found.value)
    assert told.startswith("killed before statement 2 (step_completed book_and_tell, number 1")
    assert "['careless', 'careless']" in told


def test_a_write_through_a_second_connection_is_found() -> None:
    other = psycopg.connect(**connection.get_connection_params() | {"cursor_factory": None})
    other.execute("CREATE TEMPORARY TABLE told (name text)")

    def tell(name: str) -> None:
        other.execute("INSERT INTO told VALUES (%s)", [name])

    def scenario() -> None:
        other.execute("DELETE FROM told")
        with fake(stories.book_and_tell, does=tell):
            start(stories.careless)
            advance(seconds=1)

    with other, pytest.raises(AssertionError, match="the observations differ"):
        crash_everywhere(scenario, observe=lambda: other.execute("TABLE told").fetchall())


def test_a_row_of_a_step_that_is_not_atomic_is_found_and_the_step_named() -> None:
    def scenario() -> None:
        with fake(stories.insert, does=lambda name: Group.objects.create(name=name_of_the_next())):
            start(stories.inserts)
            advance(seconds=3600)

    def name_of_the_next() -> str:
        return f"twice {Group.objects.count()}"

    with pytest.raises(AssertionError, match=r"killed after statement 1 .*auth_group") as found:
        crash_everywhere(scenario, observe=groups)

    assert "the observations differ" in str(found.value)


def test_an_engine_that_commits_a_steps_effect_before_its_record_is_found() -> None:
    def not_atomic(session: Any, job: Any, running: Any, limited: Callable[[], Any]) -> Any:
        returned = begin_attempt.Returned(running, limited())
        return step_attempt._record(job, returned, session.append)

    def scenario() -> None:
        with mock.patch.object(step_attempt, "_run_atomic", not_atomic):
            fails_and_undoes()

    with pytest.raises(AssertionError, match="INSERT INTO auth_group"):
        crash_everywhere(scenario, observe=groups)


def test_an_engine_that_consumes_an_event_before_recording_it_is_found() -> None:
    def in_two_commits(run: Any, event: Any, fact: Fact, *, notes: Any) -> Any:
        taken = Statement("UPDATE workflows_event SET position = %s WHERE id = %s RETURNING id")
        query_one(taken, [fact.position, event.id])
        return steps.append(run, fact)

    with (
        mock.patch.object(events, "consume", in_two_commits),
        pytest.raises(AssertionError, match="killed after statement 2"),
    ):
        crash_everywhere(one_event)


def test_an_engine_whose_records_have_neither_fence_nor_constraint_is_found() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE workflows_history DROP CONSTRAINT history_once")

    with unfenced_records(), pytest.raises(AssertionError, match="overtaken at statement"):
        crash_everywhere(goes_on, observe=groups)


def test_an_engine_that_ends_runs_without_a_fence_is_found() -> None:
    held = "WHERE id = %(run)s AND attempt = %(attempt)s AND state = %(before)s"
    open_to_all = Statement(runs._END.text.replace(held, "WHERE id = %(run)s"))
    assert open_to_all.text != runs._END.text

    with (
        mock.patch.object(runs, "_END", open_to_all),
        pytest.raises(AssertionError, match=r"overtaken at .*run_completed"),
    ):
        crash_everywhere(one_event)


def test_a_scenario_that_raises_after_a_crash_is_told_with_the_place() -> None:
    def scenario() -> None:
        stories.done.clear()
        start(stories.careless)
        advance(seconds=1)
        assert stories.done == ["careless"], "told once"

    with pytest.raises(AssertionError, match=r"killed .*: the scenario raised .*told once"):
        crash_everywhere(scenario)


def test_a_scenario_that_raises_tells_which_runs_were_open() -> None:
    def scenario() -> None:
        stories.done.clear()
        start(stories.careless)
        open_one = start(stories.wait)
        advance(seconds=1)
        assert stories.done == ["careless"], open_one

    with pytest.raises(AssertionError, match=r"; kit\.wait \S+ is waiting, due never$"):
        crash_everywhere(scenario)


def test_of_a_long_story_so_many_places_are_tried_spread_over_all_of_it() -> None:
    everywhere = crash_everywhere(everything)

    some = crash_everywhere(everything, at_most=4)

    assert (some.boundaries, some.statements) == (4, everywhere.statements)
    assert crash_everywhere(one_event, at_most=10_000) == crash_everywhere(one_event)


def test_the_places_that_are_tried_lie_in_all_parts_of_the_story_and_are_of_all_kinds() -> None:
    ways: list[When] = ["before", "after", "overtaken at"]
    story = [[Death(number=number, when=when)] for number in range(1, 31) for when in ways]

    tried = [death for [death] in spread(story, 10)]

    assert [(death.number - 1) // 3 for death in tried] == list(range(10))
    assert {death.when for death in tried} == set(ways)
    assert tried == [death for [death] in spread(story, 10)]


def test_an_event_loop_in_the_test_s_thread_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A browser's, for instance: Django's connections are then those of the context."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    own = connections["default"]

    async def inside() -> CrashReport:
        connections["default"] = own
        return crash_everywhere(one_event)

    assert asyncio.run(inside()) == crash_everywhere(one_event)


def test_an_error_of_the_undisturbed_scenario_is_its_own() -> None:
    def scenario() -> None:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        crash_everywhere(scenario)


def test_a_step_that_swallows_its_own_death_stays_dead() -> None:
    def swallowing(what: str) -> str:
        try:
            Group.objects.create(name="x")
        except BaseException:
            return "alive"
        return what

    @workflow("kit.swallows")
    def swallows(run: Context) -> str:
        return str(run.step(stories.note, "a"))

    def scenario() -> None:
        with fake(stories.note, does=swallowing):
            start(swallows)
            advance(seconds=1)

    with pytest.raises(AssertionError, match="after statement 1"):
        crash_everywhere(scenario, observe=groups)


@contextmanager
def unfenced_records() -> Iterator[None]:
    """Let the append of a record take any attempt, in any state."""
    held = r"AND attempt = %\(attempt\)s AND state IN \([^)]*\)"
    with ExitStack() as patched:
        for form in ("_if_free", "_or_wait", "_keeping"):
            text = getattr(steps._APPEND, form).text
            loose = Statement(re.sub(held, "", text))
            assert loose.text != text
            patched.enter_context(mock.patch.object(steps._APPEND, form, loose))
        yield


@pytest.mark.parametrize(
    ("scenario", "options", "words"),
    [
        (None, {}, "the scenario is None; give a function"),
        (groups, {"pairs": -1}, "pairs is -1; give True, or how many"),
        (groups, {"pairs": "x"}, "pairs is 'x'; give True, or how many"),
        (groups, {"ignore": Group}, "ignore is .*Group.*; give a list of models"),
        (groups, {"ignore": ["auth.Group"]}, "ignore is .*; give a list of models"),
    ],
)
def test_what_crash_everywhere_cannot_take_is_told_before_anything_is_played(
    scenario: Any, options: Any, words: str
) -> None:
    with pytest.raises(ValueError, match=f"^crash_everywhere: {words}"):
        crash_everywhere(scenario, **options)
