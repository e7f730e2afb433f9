"""What attempts begin with: an action that is not atomic, its one line before it runs."""

import pytest

from workflows.api import StepFailed, action, execute_action
from workflows.core.history import HistoryKind
from workflows.models import Run
from workflows.tests.builders import kinds
from workflows.tests.flows import notes

TELL = "tests_tell_async"


@action(TELL)
async def tell(whom: str) -> str:
    """Tells somebody."""
    notes.note(whom)
    if whom == "nobody":
        raise ValueError("nobody is there")
    return f"told {whom}"


@pytest.mark.django_db
def test_an_async_action_runs_once_for_its_key() -> None:
    answers = [execute_action(TELL, key="1", parameters={"whom": "ann"}) for _ in range(2)]

    assert answers == ["told ann", "told ann"]
    assert notes.done == ["ann"]
    assert kinds(Run.objects.get().id)[0] == HistoryKind.STEP_STARTED


@pytest.mark.django_db
def test_one_that_fails_is_not_tried_again() -> None:
    with pytest.raises(StepFailed, match="nobody is there"):
        execute_action(TELL, key="2", parameters={"whom": "nobody"})

    assert notes.done == ["nobody"]
