"""The words by which runs are found are those of a run."""

from workflows.core.run import RunView
from workflows.core.run_filter import RunFilter

OWN_WORDS = {
    *("parent", "step", "created_since", "created_before", "ended_since", "ended_before"),
}


def is_told(name: str) -> bool:
    return name in RunView.__annotations__ or hasattr(RunView, name)


def test_every_word_is_one_of_a_run_or_told_here() -> None:
    assert {name for name in RunFilter.__annotations__ if not is_told(name)} == OWN_WORDS
