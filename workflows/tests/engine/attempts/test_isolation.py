"""The isolation level of an atomic step: what cannot be serialized is tried again."""

import threading

import pytest
from django.contrib.auth.models import Group

from workflows.api import DefinitionError, action, execute_action
from workflows.definitions.action import find_action
from workflows.models import History
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
