"""A run's input is checked in one place, and the message says whose it is."""

import uuid
from typing import Any

import pytest

from workflows.api import Context, InvalidInput, start, workflow
from workflows.core.signature import Input
from workflows.definitions.workflow import workflow_definition
from workflows.engine.requests.new_run import encode_input, new_run
from workflows.tests.builders import driven


@workflow("tests.saves", version=3, on_cancel="compensate", deadline_seconds=60)
def saves(run: Context, amount: int, note: str = "none") -> None:
    """Takes an amount."""


@workflow("tests.saves_wrongly")
def saves_wrongly(run: Context, way: str) -> str:
    verbs: dict[str, Any] = {
        "child": lambda: run.start_child("tests.saves", amount="much"),
        "continue_as_new": lambda: run.continue_as_new(way=1, amount=2),
    }
    try:
        verbs[way]()
    except InvalidInput as exc:
        return str(exc)
    return "taken"


def test_an_input_is_encoded_with_the_defaults_of_what_was_left_out() -> None:
    encoded = encode_input(workflow_definition(saves).signature, {"amount": 5}, whose="mine")

    assert encoded == Input('{"amount": 5}', '{"note": "none"}')


@pytest.mark.parametrize("given", [{}, {"amount": "much"}, {"amount": 1, "sum": 2}])
def test_an_input_that_does_not_fit_is_refused_with_whose_it_is(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=r"^input of mine: "):
        encode_input(workflow_definition(saves).signature, given, whose="input of mine")


@pytest.mark.django_db
def test_every_way_to_a_run_says_so() -> None:
    with pytest.raises(InvalidInput, match=r"^input of 'tests\.saves': "):
        start("tests.saves", amount="much")
    assert driven(saves_wrongly, way="child").output.startswith("input of child 'tests.saves': ")
    assert driven(saves_wrongly, way="continue_as_new").output.startswith("continue_as_new: ")


def test_a_new_run_has_what_its_definition_says_of_every_run() -> None:
    definition = workflow_definition(saves)

    new = new_run(definition, Input("{}"), id=uuid.uuid4(), deadline_seconds=5)

    assert (new.workflow, new.version, new.undo_on_cancel) == ("tests.saves", 3, True)
    assert (new.deadline_seconds, new.key, new.detached) == (5, None, False)
