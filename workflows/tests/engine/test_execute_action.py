"""Actions: steps under a public name, their parameters checked, executed at most once per key."""

from datetime import UTC, datetime
from typing import Any
from unittest import mock

import pytest
from django.contrib.auth.models import Group
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from workflows.api import (
    Context,
    DefinitionError,
    InvalidInput,
    KeyConflict,
    RequestError,
    RunState,
    StepFailed,
    WaitTimedOut,
    action,
    cancel,
    current_step,
    execute_action,
    get_run,
    list_actions,
    start,
    step,
    workflow,
)
from workflows.core.run import ClaimedRun, Fact
from workflows.definitions.action import find_action, is_action
from workflows.definitions.step import step_definition
from workflows.engine.drive.drive import drive
from workflows.engine.execute_action import run_action
from workflows.models import Run
from workflows.store import history as history_store
from workflows.testing import crash_everywhere, drive_until_idle
from workflows.testing.killing import Death, Killer, When, killing
from workflows.tests.builders import PATIENCE_SECONDS, claim, driven, elsewhere, expire_lease, swept
from workflows.tests.engine.actions import MAKE, SEND, send_letter
from workflows.tests.flows import ONCE, notes

DEATHS: tuple[When, ...] = ("before", "after", "overtaken at")


@action("tests_keep_moment")
def keep_moment(moment: "datetime", note=None) -> datetime:  # type: ignore[no-untyped-def]
    """Keeps a moment."""
    notes.note(f"keep {moment.isoformat()} {note}")
    return moment


@action("tests_own_words", description="In other words.", timeout_seconds=5)
def own_words() -> float:
    """For whoever reads the code."""
    lease_until = Run.objects.get(state=RunState.RUNNING).lease_until
    assert lease_until is not None
    return (lease_until - timezone.now()).total_seconds()


@action("tests_wordless")
def wordless() -> None: ...


@workflow("tests.invoicing")
def invoicing(run: Context, recipient: str, copies: Any = 2) -> str:
    return str(getattr(run.actions, SEND)(recipient=recipient, copies=copies))


@workflow("tests.making")
def making(run: Context, names: list[str]) -> list[str]:
    return [getattr(run.actions, MAKE)(name=name) for name in names]


class Killed(KeyboardInterrupt):
    """The worker dies here."""


@pytest.mark.django_db
def test_a_workflow_calls_an_action_by_its_name() -> None:
    run = driven(invoicing, recipient="ann")

    assert run.output == "2 sent to ann"


@pytest.mark.django_db
def test_an_action_is_described_by_its_annotations() -> None:
    [found] = [each for each in list_actions() if each.name == SEND]

    assert found.description == "Sends a letter."
    schema = found.schema()
    assert schema["required"] == ["recipient"]
    assert schema["properties"]["copies"] == {"default": 1, "title": "Copies", "type": "integer"}


@pytest.mark.django_db
def test_wrong_parameters_are_one_error_that_names_each_before_anything_runs() -> None:
    with pytest.raises(InvalidInput) as refused:
        execute_action(SEND, key="1", parameters={"copies": "many", "colour": "red"})

    for name in ("recipient", "copies", "colour"):
        assert name in str(refused.value)
    assert not Run.objects.exists()


@pytest.mark.django_db
def test_wrong_parameters_in_a_workflow_fail_it_before_the_action_runs() -> None:
    run = driven(invoicing, recipient="ann", copies="many")

    assert run.state == RunState.FAILED
    assert notes.done == []


@pytest.mark.django_db
def test_an_unknown_name_lists_those_there_are() -> None:
    with pytest.raises(DefinitionError, match=SEND):
        execute_action("tests_sned", key="1")


@pytest.mark.django_db
def test_a_name_is_registered_once() -> None:
    with pytest.raises(DefinitionError, match="already"):
        action(SEND)(lambda: None)


@pytest.mark.django_db
def test_a_known_key_returns_the_recorded_result() -> None:
    first = execute_action(SEND, key="k", parameters={"recipient": "ann"})

    again = execute_action(SEND, key="k", parameters={"recipient": "ann"})

    assert first == again == "1 sent to ann"
    assert notes.done == ["send ann"]


@pytest.mark.django_db
def test_another_key_is_another_execution() -> None:
    for key in ("1", "2"):
        execute_action(SEND, key=key, parameters={"recipient": "ann"})

    assert notes.count("send ann") == 2


@pytest.mark.django_db
def test_a_key_with_other_parameters_is_refused() -> None:
    execute_action(SEND, key="k", parameters={"recipient": "ann"})

    with pytest.raises(KeyConflict):
        execute_action(SEND, key="k", parameters={"recipient": "bob"})


@pytest.mark.django_db
def test_a_known_key_raises_the_recorded_failure() -> None:
    found = []
    for _ in range(2):
        with pytest.raises(StepFailed) as failed:
            execute_action(SEND, key="k", parameters={"recipient": "nobody"})
        found.append((failed.value.step, failed.value.error_type, failed.value.message))

    assert found == [(SEND, "ValueError", "no such address")] * 2
    assert notes.done == ["send nobody"]


@pytest.mark.usefixtures("committed")
def test_callers_at_once_share_one_execution() -> None:
    def call() -> str:
        return str(execute_action(SEND, key="k", parameters={"recipient": "ann"}))

    callers = [elsewhere(call) for _ in range(4)]

    assert [each.result(PATIENCE_SECONDS) for each in callers] == ["1 sent to ann"] * 4
    assert notes.done == ["send ann"]


@pytest.mark.usefixtures("committed")
def test_who_finds_the_key_in_work_elsewhere_waits_no_longer_than_told() -> None:
    start_and_hold()

    with pytest.raises(WaitTimedOut, match="ask again"):
        execute_action(SEND, key="k", parameters={"recipient": "ann"}, timeout_seconds=0.05)


def start_and_hold() -> ClaimedRun:
    """Let another process have claimed the execution of key k."""
    with mock.patch("workflows.engine.execute_action._driven"), pytest.raises(Exception):  # noqa: B017
        execute_action(SEND, key="k", parameters={"recipient": "ann"})
    return claim()


@pytest.mark.usefixtures("committed")
@pytest.mark.parametrize("line", [1, 2])
def test_an_action_whose_worker_was_lost_is_in_doubt_and_never_runs_twice(line: int) -> None:
    """Lost after the line that it begins, or before the line that it is done."""
    run, real, calls = start_and_hold(), history_store.append, iter(range(1, 9))

    def append(held: ClaimedRun, fact: Fact, **options: Any) -> Any:
        number = next(calls)
        if number == 2 == line:
            raise Killed
        written = real(held, fact, **options)
        if number == 1 == line:
            raise Killed
        return written

    with mock.patch.object(history_store, "append", append), pytest.raises(Killed):
        drive(run)
    expire_lease(run.id)
    swept()
    with pytest.raises(StepFailed, match="not known"):
        execute_action(SEND, key="k", parameters={"recipient": "ann"})

    assert notes.count("send ann") == line - 1


@pytest.mark.usefixtures("committed")
def test_an_action_that_is_not_atomic_is_refused_inside_a_transaction() -> None:
    with transaction.atomic(), pytest.raises(RequestError, match="outside"):
        execute_action(SEND, key="k", parameters={"recipient": "ann"})

    assert notes.done == []


@pytest.mark.usefixtures("committed")
def test_an_atomic_action_goes_with_the_callers_transaction() -> None:
    with transaction.atomic():
        execute_action(MAKE, key="k", parameters={"name": "a"})
        transaction.set_rollback(True)

    assert not Group.objects.exists()
    assert execute_action(MAKE, key="k", parameters={"name": "a"}) == "a"
    assert execute_action(MAKE, key="k", parameters={"name": "a"}) == "a"
    assert Group.objects.count() == 1


@pytest.mark.django_db
def test_killed_anywhere_an_action_inside_a_step_takes_effect_exactly_once() -> None:
    crash_everywhere(lambda: start(acting_inside, name="inside"))


@action("tests_odd", atomic=True)
def odd() -> Group:
    """Returns what cannot be stored."""
    return Group()


@pytest.mark.django_db
def test_an_action_that_cannot_run_says_why_at_once() -> None:
    with pytest.raises(StepFailed, match="Group"):
        execute_action("tests_odd", key="k")


@pytest.mark.django_db
def test_killed_anywhere_an_atomic_action_takes_effect_exactly_once() -> None:
    crash_everywhere(
        lambda: start(making, names=["a", "b"]),
        observe=lambda: sorted(Group.objects.values_list("name", flat=True)),
    )


@pytest.mark.django_db
def test_killed_anywhere_an_action_that_is_not_atomic_runs_once_or_stays_in_doubt() -> None:
    calm = outcome_of_sending(Killer())

    found = {
        (number, when): outcome_of_sending(Killer(deaths=[Death(number=number, when=when)]))
        for number in range(1, 4)
        for when in DEATHS
    }

    done, in_doubt = ("completed", 1), ("failed", 1)
    assert calm == done
    assert {at: each for at, each in found.items() if each not in (done, in_doubt)} == {
        (1, "after"): ("failed", 0)  # it had said that it begins, and did not
    }
    assert found[1, "before"] == found[2, "after"] == found[3, "before"] == done


def outcome_of_sending(killer: Killer) -> tuple[str, int]:
    """Return how the run ended, and how often the letter was sent."""
    notes.done.clear()
    with killing(killer):
        run = start(invoicing, recipient="ann")
        drive_until_idle()
    return get_run(run.id).state.value, notes.count("send ann")


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", None, 7])
def test_an_execution_has_a_key(key: Any) -> None:
    with pytest.raises(InvalidInput, match="give a key"):
        execute_action(SEND, key=key, parameters={"recipient": "ann"})


@pytest.mark.django_db
def test_the_same_key_of_two_actions_is_two_executions() -> None:
    assert execute_action(SEND, key="k", parameters={"recipient": "ann"}) == "1 sent to ann"
    assert execute_action(MAKE, key="k", parameters={"name": "a"}) == "a"


@pytest.mark.django_db
def test_parameters_and_results_have_the_types_of_their_annotations() -> None:
    given = {"moment": "2026-01-01T12:00:00+00:00"}

    found = execute_action("tests_keep_moment", key="k", parameters=given)

    assert found == datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert notes.done == ["keep 2026-01-01T12:00:00+00:00 None"]


@pytest.mark.django_db
def test_an_execution_drives_no_other_run_that_is_due() -> None:
    other = start(invoicing, recipient="bob")

    execute_action(SEND, key="k", parameters={"recipient": "ann"})

    assert get_run(other.id).state == RunState.PENDING
    assert notes.done == ["send ann"]


@pytest.mark.django_db
def test_an_execution_holds_its_lease_for_as_long_as_its_caller_waits() -> None:
    """Nobody else extends it, and another worker would find the action in doubt."""
    held_seconds = execute_action("tests_own_words", key="k", timeout_seconds=1000)

    assert held_seconds > 1000


@pytest.mark.django_db
def test_an_execution_that_somebody_cancelled_fails_with_that_reason() -> None:
    run = start(run_action, key=f"{SEND}:k", name=SEND, parameters={"recipient": "ann"})
    cancel(run.id)

    with pytest.raises(StepFailed, match="the run of the action is cancelled") as failed:
        execute_action(SEND, key="k", parameters={"recipient": "ann"})

    assert failed.value.error_type == "cancelled"


@pytest.mark.django_db
def test_an_execution_that_failed_outside_the_action_fails_with_the_error_of_its_run() -> None:
    run = start(run_action, key=f"{SEND}:k", name=SEND, parameters={"recipient": "ann"})
    Run.objects.filter(pk=run.id).update(
        state=RunState.RUNNING, error={"type": "SomeError", "message": "too large"}
    )
    Run.objects.filter(pk=run.id).update(state=RunState.FAILED)

    with pytest.raises(StepFailed, match="too large") as failed:
        execute_action(SEND, key="k", parameters={"recipient": "ann"})

    assert failed.value.error_type == "SomeError"


@pytest.mark.django_db
def test_an_action_is_described_in_its_own_words_or_by_its_docstring() -> None:
    described = {each.name: each.description for each in list_actions()}

    assert described["tests_own_words"] == "In other words."
    assert described[MAKE] == "Makes a group."
    assert described["tests_wordless"] == ""
    assert list(described) == sorted(described)


def test_what_an_action_is_told_holds_for_its_step() -> None:
    def options(name: str) -> tuple[Any, ...]:
        step = find_action(name).step
        return step.name, step.atomic, step.isolation, step.at_most_once, step.retry.attempts

    assert options(SEND) == (SEND, False, None, True, 1)
    assert options(MAKE) == (MAKE, True, None, False, 5)
    assert find_action("tests_own_words").step.timeout_seconds == 5
    assert find_action(SEND).step is step_definition(send_letter)


@pytest.mark.parametrize("name", ["with-dash", "two words", "", "1st"])
def test_a_name_can_follow_run_actions(name: str) -> None:
    with pytest.raises(DefinitionError, match="give a name"):
        action(name)(lambda: None)


def test_the_same_function_may_be_registered_again() -> None:
    action(SEND, description="Sends a letter.")(send_letter)

    assert find_action(SEND).step.function is send_letter.step_definition.function


@pytest.mark.parametrize(
    "function",
    [lambda *args: None, lambda **kwargs: None, lambda x, /: None],
    ids=["any by place", "any by name", "by place only"],
)
def test_every_parameter_of_an_action_has_a_name(function: Any) -> None:
    with pytest.raises(DefinitionError, match="has a name of its own"):
        action("tests_nameless")(function)

    assert not is_action("tests_nameless")


@step(retry=ONCE)
def act_inside(name: str) -> str:
    made = str(execute_action(MAKE, key=name, parameters={"name": name}, timeout_seconds=5))
    info = current_step()
    assert info is not None
    return f"{made} in {info.name}"


@workflow("tests.acting_inside")
def acting_inside(run: Context, name: str) -> str:
    return run.step(act_inside, name)


@pytest.mark.usefixtures("committed")
def test_a_step_executes_an_action_and_goes_on() -> None:
    run = driven(acting_inside, name="alice's")

    assert run.output == "alice's in act_inside"
    assert Group.objects.get().name == "alice's"


@pytest.mark.usefixtures("committed")
@pytest.mark.parametrize("name", [SEND, MAKE])
def test_a_connection_that_breaks_in_an_action_is_the_callers_error_and_leaves_nothing_held(
    name: str,
) -> None:
    parameters = {SEND: {"recipient": "cut"}, MAKE: {"name": "cut"}}[name]

    with pytest.raises(OperationalError):
        execute_action(name, key="k", parameters=parameters)

    [left] = Run.objects.all()
    assert (left.state, left.lease_until) == ("pending", None)
    assert left.wake_at is not None


@pytest.mark.usefixtures("committed")
def test_a_callers_transaction_keeps_its_own_lock_timeout() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '42s'")
        execute_action(MAKE, key="k", parameters={"name": "a"})
        cursor.execute("SHOW lock_timeout")

        assert cursor.fetchone() == ("42s",)


def test_an_action_cannot_be_a_compensation_unless_it_is_atomic() -> None:
    with pytest.raises(DefinitionError, match="atomic"):
        step(compensate=send_letter)(lambda: None)
