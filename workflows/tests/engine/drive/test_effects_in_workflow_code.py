"""What workflow code does past its run would happen at every replay: it is refused by name."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction

from workflows.api import (
    Context,
    RunState,
    RunView,
    action,
    cancel,
    compensate,
    execute_action,
    get_run,
    list_runs,
    replay_open_runs,
    retry_now,
    send_event,
    start,
    step,
    step_completed,
    workflow,
)
from workflows.definitions.workflow_guard import is_on
from workflows.testing import crash_everywhere, drive_until_idle
from workflows.tests.builders import driven
from workflows.tests.flows import greet, greet_once, notes

pytestmark = pytest.mark.django_db
code: dict[str, Callable[[Context], Any]] = {}
SOME_RUN = UUID(int=7)


@step
def greet_twice(name: str) -> str:
    """A step may call another, and start runs, and use the ORM."""
    Group.objects.get_or_create(name=name)
    start(greet_once, name=name)
    return greet(name) + greet(name)


@action("greet_group")
def greet_group(name: str) -> str:
    return greet(name)


def guarded_label() -> str:
    return f"guarded: {is_on()}"


@workflow("tests.effects", on_cancel="compensate")
def effects(run: Context) -> Any:
    run.step(greet, "first")
    return code["body"](run)


def mended(run: Context) -> str:
    return run.step(greet, "Ann")


@pytest.fixture(autouse=True)
def mended_code() -> Iterator[None]:
    code["body"] = mended
    yield
    code.clear()


def run_of(body: Callable[[Context], Any]) -> RunView:
    code["body"] = body
    return driven(effects)


def raw_sql(run: Context) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def swallowing(run: Context) -> str:
    with suppress(Exception):
        greet("Bob")
    return run.step(greet, "Eve")


def swallowing_of_a_verb(run: Context) -> str:
    with suppress(Exception):
        run.step(guarded_label)  # type: ignore[arg-type]
    return run.step(greet, "Eve")


REFUSED: dict[str, Callable[[Context], Any]] = {
    "write run.step(greet, …)": lambda run: greet("Bob"),
    "write run.step(greet_group, …)": lambda run: greet_group("Bob"),
    "write run.start_child(": lambda run: start(greet_once, name="Bob"),
    "calls start(), which": lambda run: start.using(key="a")(greet_once, name="Bob"),
    "calls send_event()": lambda run: send_event(SOME_RUN, "go"),
    "calls cancel()": lambda run: cancel(SOME_RUN),
    "calls compensate()": lambda run: compensate(SOME_RUN),
    "calls retry_now()": lambda run: retry_now(SOME_RUN),
    "write run.actions.greet_group(": lambda run: execute_action("greet_group", key="a"),
    'uses the database (SELECT "workflows_run"': lambda run: get_run(SOME_RUN),
    '(SELECT "workflows_run"."id"': lambda run: list_runs(),
    "uses the database (INSERT INTO": lambda run: Group.objects.create(name="a"),
    'uses the database (SELECT "auth_group"': lambda run: list(Group.objects.all()),
    "uses the database (SELECT 1)": raw_sql,
    "calls the step greet() itself": swallowing,
    "guarded_label is not a step": swallowing_of_a_verb,
}


@pytest.mark.parametrize("words", REFUSED)
def test_an_effect_past_the_run_blocks_it_and_says_what_to_write(words: str) -> None:
    run = run_of(REFUSED[words])

    assert run.state == RunState.BLOCKED, run.error
    assert words in (run.error or {})["message"]
    assert notes.done == ["greet first"]
    assert not Group.objects.exists()
    assert len(list_runs()) == 1


@pytest.mark.parametrize("words", REFUSED)
def test_the_replay_check_says_the_same(words: str) -> None:
    run_of(REFUSED[words])

    (difference,) = replay_open_runs()

    assert words in difference.why


@pytest.mark.parametrize("body", [swallowing, swallowing_of_a_verb, greet_group])
def test_mended_and_retried_it_goes_on_where_it_was(body: Any) -> None:
    run = run_of(body)

    code["body"] = mended
    retry_now(run.id)
    drive_until_idle()

    assert (get_run(run.id).state, get_run(run.id).output) == (RunState.COMPLETED, "Hello, Ann")
    assert notes.done == ["greet first", "greet Ann"]


def test_steps_may_do_all_of_it() -> None:
    run = run_of(lambda run: run.step(greet_twice, "Ann"))

    assert run.state == RunState.COMPLETED
    assert notes.done == ["greet first", "greet Ann", "greet Ann", "greet Ann"]
    assert greet("outside") == "Hello, outside"


def test_actions_run_in_steps_and_their_own_code_is_guarded() -> None:
    @step
    def acting() -> Any:
        return [execute_action("greet_group", key="a", parameters={"name": "Ann"}), is_on()]

    run = run_of(lambda run: [*run.step(acting), is_on()])

    assert (run.state, run.output) == (RunState.COMPLETED, ["Hello, Ann", False, True])


def test_every_verb_lifts_the_guard_for_receivers_and_handlers() -> None:
    seen: list[bool] = []

    def receive(**_: Any) -> None:
        seen.append(is_on())
        Group.objects.count()

    step_completed.connect(receive)
    try:
        run = run_of(mended)
    finally:
        step_completed.disconnect(receive)

    assert (run.state, seen) == (RunState.COMPLETED, [False, False])


def test_what_children_groups_and_actions_do_is_not_the_codes_own() -> None:
    def family(run: Context) -> Any:
        run.gather(run.call(greet_twice, "Ann"), run.call(greet_twice, "Bob"))
        run.graph({"a": run.call(greet_twice, "Cid")})
        run.actions.greet_group(name="Dan")
        run.data["a"] = 1
        run.attributes = {"b": 2}
        run.set_status("Greeting")
        run.progress(1)
        run.log.info("said")
        return run.start_child(greet_once, name="Eve").result()

    assert run_of(family).output == "Hello, Eve"


def test_a_step_inside_a_transaction_is_refused_before_it_runs() -> None:
    def in_transaction(run: Context) -> Any:
        with transaction.atomic():
            return run.step(greet, "Bob")

    run = run_of(in_transaction)

    assert run.state == RunState.BLOCKED
    assert notes.done == ["greet first"]


def test_a_finally_that_uses_the_database_does_not_keep_the_run_from_parking() -> None:
    def tidy(run: Context) -> Any:
        try:
            return run.wait_event("go")
        finally:
            Group.objects.create(name="tidied")

    run = run_of(tidy)
    assert run.state == RunState.WAITING

    send_event(run.id, "go")
    drive_until_idle()

    assert get_run(run.id).state == RunState.BLOCKED
    assert not Group.objects.exists()


def test_a_blocked_effect_can_be_cancelled() -> None:
    run = run_of(swallowing)

    cancel(run.id)
    drive_until_idle()

    assert get_run(run.id).state == RunState.COMPENSATED


def test_killed_anywhere_an_effect_is_refused_and_never_happens() -> None:
    def play() -> None:
        notes.done.clear()
        code["body"] = swallowing
        run = start(effects)
        drive_until_idle()
        code["body"] = mended
        retry_now(run.id)

    crash_everywhere(play, at_least_once=lambda: notes.done)


@pytest.mark.usefixtures("committed")
@pytest.mark.django_db(transaction=True)
def test_outside_of_tests_transactions_a_step_inside_one_is_refused_as_well() -> None:
    def in_transaction(run: Context) -> Any:
        with transaction.atomic():
            run.step(greet, "Bob")
            return run.wait_event("go")

    run = run_of(in_transaction)

    assert run.state == RunState.BLOCKED
    assert "@step(atomic=True)" in (run.error or {})["message"]
    assert notes.done == ["greet first"]

    code["body"] = mended
    retry_now(run.id)
    drive_until_idle()

    assert get_run(run.id).output == "Hello, Ann"
