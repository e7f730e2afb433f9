"""A run's story as a file: exported once, checked for ever."""

from typing import Any

import pytest

from workflows.api import InvalidInput, cancel, export_history, replay_history
from workflows.tests.builders import driven
from workflows.tests.engine.families import waiting_child

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "wrong",
    [{}, [], {"format": 99}, {"format": 1, "run": "x"}, {"format": 1, "run": 5}, {"format": 1}],
)
def test_what_is_no_history_is_refused_in_words(wrong: Any) -> None:
    with pytest.raises(InvalidInput, match="histor"):
        replay_history(wrong)


def test_a_run_that_is_over_may_be_exported_too() -> None:
    run = driven(waiting_child)
    cancel(run.id)

    exported = export_history(run.id)

    assert exported["workflow"] == "tests.waiting_child"
    assert exported["history"][-1]["kind"] == "run_cancelled"
