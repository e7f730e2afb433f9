"""What unwinds workflow code passes by what catches errors, and says what it carries."""

import pytest

from workflows.core import unwind
from workflows.core.errors import WorkflowError

KINDS = [each for each in vars(unwind).values() if isinstance(each, type)]


@pytest.mark.parametrize("kind", [each for each in KINDS if issubclass(each, unwind.Unwind)])
def test_none_of_them_is_an_error(kind: type[BaseException]) -> None:
    assert not issubclass(kind, Exception)
    assert not issubclass(kind, WorkflowError)


def test_a_loss_inside_a_step_is_a_failure_of_the_store_and_names_its_cause() -> None:
    cause = ConnectionError("gone")

    lost = unwind.LostInStep(cause, since=0.0)

    assert isinstance(lost, unwind.StoreFailed)
    assert lost.cause is cause
