"""The words by which runs are found are those of a run."""

from workflows.core.run import RunView
from workflows.core.run_filter import RunFilter

OWN_WORDS = {
    *("parent", "step", "created_since", "created_before", "ended_since", "ended_before"),
}


def test_every_word_is_one_of_a_run_or_told_here() -> None:
    assert set(RunFilter.__annotations__) - set(RunView.__annotations__) == OWN_WORDS
