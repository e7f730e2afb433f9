"""Which errors tell a mistake in the code: exactly these, and no class of one's own."""

import builtins
from dataclasses import FrozenInstanceError

import pytest

from workflows.core.errors import DefinitionError, StepFailed, UnknownWorkflow
from workflows.core.programming_errors import PROGRAMMING_ERRORS, waits_for_mending

NAMED = (
    *(KeyError, TypeError, AttributeError, NameError, IndexError),
    *(AssertionError, ImportError, RecursionError),
)


class OwnKeyError(KeyError):
    pass


def test_they_are_the_named_ones_and_their_built_in_subclasses() -> None:
    built_in = {
        kind
        for kind in vars(builtins).values()
        if isinstance(kind, type) and issubclass(kind, NAMED)
    }

    assert built_in == PROGRAMMING_ERRORS


@pytest.mark.parametrize("why", [KeyError("a"), DefinitionError("b"), UnknownWorkflow("c")])
def test_a_mistake_in_the_code_waits_for_mending(why: Exception) -> None:
    assert waits_for_mending(why)


@pytest.mark.parametrize(
    "why",
    [
        *(OwnKeyError("a"), FrozenInstanceError(), ValueError(), LookupError(), SystemExit()),
        StepFailed("a", "KeyError", "", 1),
    ],
)
def test_anything_else_does_not(why: BaseException) -> None:
    assert not waits_for_mending(why)


def test_a_workflow_may_fail_on_some_of_them() -> None:
    assert not waits_for_mending(KeyError(), (LookupError,))
    assert waits_for_mending(TypeError(), (LookupError,))
    assert waits_for_mending(DefinitionError(), (Exception,))
