"""Actions: how they are declared, and how their parameters are checked wherever they run."""

from typing import Any

import pytest
from django.contrib.auth.models import Group

from workflows.api import (
    Context,
    DefinitionError,
    KeyConflict,
    action,
    execute_action,
    step,
    workflow,
)
from workflows.definitions.action import find_action
from workflows.tests.builders import driven
from workflows.tests.engine.actions import MAKE, make_group, send_letter
from workflows.tests.flows import ONCE, notes


def test_two_actions_cannot_share_a_name() -> None:
    @action("tests_taken")
    def one() -> None: ...

    def two() -> None: ...

    with pytest.raises(
        DefinitionError, match=r"'tests_taken' is already .*\.one; give this another"
    ):
        action("tests_taken")(two)


def test_an_action_without_its_brackets_is_told_how_to_write_them() -> None:
    with pytest.raises(DefinitionError, match=r'name the action: @action\("send_letter"'):
        action(make_group)  # type: ignore[arg-type]


def test_an_annotation_that_cannot_be_checked_is_told_with_the_action() -> None:
    def lost(group: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821

    def odd_one(group: Group) -> None: ...

    for function in (lost, odd_one):
        with pytest.raises(DefinitionError, match="action 'tests_annotated': an annotation cannot"):
            action("tests_annotated")(function)


@action("tests_stacked")
@step(retry=ONCE, atomic=True, timeout_seconds=5, compensate=lambda output, name: None)
def stacked(name: str) -> str:
    """A step with options of its own."""
    Group.objects.create(name=name)
    return name


def test_an_action_above_a_step_keeps_the_options_of_the_step() -> None:
    found = find_action("tests_stacked").step

    assert (found.retry, found.atomic, found.timeout_seconds) == (ONCE, True, 5)
    assert found.compensate is not None
    assert not found.at_most_once


def test_a_step_above_an_action_is_refused() -> None:
    with pytest.raises(DefinitionError, match="put @action above @step"):
        step(timeout_seconds=5)(stacked)


@workflow("tests.acting_as_a_step")
def as_a_step(run: Context, recipient: Any, at_once: bool) -> Any:
    """Run an action as the step that it is."""
    if at_once:
        return run.gather(run.call(send_letter, recipient))
    return run.step(send_letter, recipient)


@pytest.mark.django_db
@pytest.mark.parametrize("at_once", [True, False])
def test_the_parameters_of_an_action_are_checked_where_it_runs_as_a_step_too(at_once: bool) -> None:
    good = driven(as_a_step, recipient="ann", at_once=at_once)
    bad = driven(as_a_step, recipient=5, at_once=at_once)

    assert good.output in ("1 sent to ann", ["1 sent to ann"])
    assert "recipient: Input should be a valid string" in (bad.error or {})["message"]
    assert notes.done == ["send ann"]


@workflow("tests.acting_by_place")
def by_place(run: Context) -> None:
    """Give an action's parameter by its place."""
    run.actions.tests_send("ann")


@pytest.mark.django_db
def test_parameters_by_place_are_told_to_be_given_by_name() -> None:
    run = driven(by_place)

    told = "action 'tests_send': give the parameters by name: tests_send(recipient, copies)"
    assert (run.error or {})["message"] == told


@pytest.mark.django_db
def test_a_key_used_with_other_parameters_is_told_in_the_callers_words() -> None:
    execute_action(MAKE, key="k", parameters={"name": "a"})

    with pytest.raises(KeyConflict, match=f"key 'k' of action '{MAKE}' was used with other"):
        execute_action(MAKE, key="k", parameters={"name": "b"})
