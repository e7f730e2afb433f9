"""The tree of errors: each has a code of its own, and survives the way between processes."""

import pickle
from collections.abc import Iterator

import pytest

from workflows.core import errors
from workflows.core.errors import ChildFailed, RunNotFound, StepFailed, Transient, WorkflowError


def subclasses(kind: type[WorkflowError]) -> Iterator[type[WorkflowError]]:
    for each in kind.__subclasses__():
        yield each
        yield from subclasses(each)


def test_every_error_has_a_code_of_its_own() -> None:
    ours = [each for each in subclasses(WorkflowError) if each.__module__ == errors.__name__]

    codes = [each.code for each in ours]

    assert len(codes) > 15
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize(
    "error",
    [
        RunNotFound("no run"),
        Transient("later", retry_after_seconds=5),
        StepFailed("pay", "ValueError", "no money", 3, permanent=True),
        ChildFailed("pay", "some-id", "failed", "ValueError", "no money"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_is_rebuilt_from_what_it_was_made_of(error: WorkflowError) -> None:
    again = pickle.loads(pickle.dumps(error))

    assert (str(again), vars(again), again.args) == (str(error), vars(error), error.args)


def test_a_wait_that_is_no_number_is_refused_where_it_is_written() -> None:
    for wrong in ("5", float("nan")):
        with pytest.raises(TypeError, match="give a number of seconds, or None"):
            Transient("later", retry_after_seconds=wrong)  # type: ignore[arg-type]


def test_a_failed_step_says_how_often_it_was_tried() -> None:
    once, twice = (StepFailed("pay", "ValueError", "no", tries) for tries in (1, 2))

    assert str(once) == "step 'pay' failed after 1 attempt: ValueError: no"
    assert str(twice) == "step 'pay' failed after 2 attempts: ValueError: no"
