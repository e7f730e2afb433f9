"""The isolation level of an atomic step: what cannot be serialized is tried again."""

import threading
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.db.models import F
from django.db.models.functions import Now

from workflows.api import DefinitionError, WaitTimedOut, action, execute_action
from workflows.definitions.action import find_action
from workflows.engine.attempts import step_attempt
from workflows.models import History, Run
from workflows.tests.builders import PATIENCE_SECONDS, elsewhere
from workflows.tests.flows import notes

COUNT = "tests_count_groups"

both = threading.Barrier(2)


@action(COUNT, isolation="serializable")
def count_groups(name: str) -> int:
    found = Group.objects.count()
    notes.note("counted")
    if notes.count("counted") <= 2:
        both.wait(PATIENCE_SECONDS)  # both have read before either writes
    Group.objects.create(name=name)
    return found


@pytest.mark.usefixtures("committed")
def test_what_cannot_be_serialized_is_tried_again() -> None:
    both.reset()

    def call(name: str) -> int:
        return int(execute_action(COUNT, key=name, parameters={"name": name}))

    first, second = elsewhere(lambda: call("a")), elsewhere(lambda: call("b"))

    assert {first.result(PATIENCE_SECONDS), second.result(PATIENCE_SECONDS)} == {0, 1}
    assert notes.count("counted") == 3
    assert History.objects.filter(kind="attempt_failed").count() == 1


def test_only_known_isolation_levels_are_taken() -> None:
    with pytest.raises(DefinitionError, match="serializable"):
        action("tests_wrong", isolation="chaos")


def test_the_level_is_told_with_the_step() -> None:
    assert find_action(COUNT).step.isolation == "serializable"


SLOW = "tests_slow_in_isolation"


@action(SLOW, isolation="repeatable read")
def look_and_take_long(name: str) -> str:
    Group.objects.count()  # the transaction has its snapshot from here on
    elsewhere(renew).result(PATIENCE_SECONDS)
    notes.note("took long")
    return name


def renew() -> None:
    """As a cluster does while a step runs: its run's lease is extended, the step shown."""
    Run.objects.filter(state="running").update(lease_until=Now() + timedelta(minutes=1))


@pytest.mark.usefixtures("committed")
def test_a_run_whose_lease_is_renewed_is_in_no_step_s_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(step_attempt, "RENEWED_SINCE_SECONDS", 0)

    assert execute_action(SLOW, key="a", parameters={"name": "a"}) == "a"

    assert notes.count("took long") == 1
    assert not History.objects.filter(kind="attempt_failed").exists()


@pytest.mark.usefixtures("committed")
def test_what_another_has_taken_over_records_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_attempt, "RENEWED_SINCE_SECONDS", 0)
    monkeypatch.setitem(globals(), "renew", take_over)

    with pytest.raises(WaitTimedOut):
        execute_action(SLOW, key="a", parameters={"name": "a"}, timeout_seconds=0.1)

    assert notes.count("took long") == 1
    assert not History.objects.filter(kind="step_completed").exists()


def take_over() -> None:
    Run.objects.filter(state="running").update(attempt=F("attempt") + 1)
