"""Every verb that steers keeps who asked, why, and by which way."""

from collections.abc import Callable

import pytest

from workflows.api import (
    HistoryKind,
    InvalidInput,
    RunState,
    cancel,
    compensate,
    get_history,
    pause,
    resume,
    retry,
    retry_now,
)
from workflows.models import Run

pytestmark = pytest.mark.django_db
_ = HistoryKind
VERBS = [
    (cancel, RunState.WAITING, _.CANCEL_REQUESTED),
    (retry_now, RunState.WAITING, _.WOKEN),
    (compensate, RunState.FAILED, _.COMPENSATION_STARTED),
    (retry, RunState.FAILED, _.RETRIED),
    (pause, RunState.WAITING, _.PAUSED),
    (resume, RunState.PAUSED, _.RESUMED),
]


def made(state: RunState) -> Run:
    return Run.objects.create(
        workflow="tests.made", version=1, state=state, pausing=state == RunState.PAUSED
    )


@pytest.mark.parametrize(("verb", "state", "kind"), VERBS)
def test_a_verbs_line_says_who_asked_why_and_by_which_way(
    verb: Callable[..., bool], state: RunState, kind: HistoryKind
) -> None:
    run = made(state)

    assert verb(run.pk, by="alice", reason="the customer called", via="console")

    line = next(each for each in get_history(run.pk) if each.kind == kind)
    said = {"by": "alice", "reason": "the customer called", "via": "console"}
    assert said.items() <= line.data.items()


@pytest.mark.parametrize(("verb", "state", "kind"), VERBS)
def test_long_texts_are_cut(verb: Callable[..., bool], state: RunState, kind: HistoryKind) -> None:
    run = made(state)

    verb(run.pk, by="b" * 999, reason="r" * 999, via="v" * 999)

    line = next(each for each in get_history(run.pk) if each.kind == kind)
    assert [len(line.data[name]) for name in ("by", "reason", "via")] == [200, 500, 50]


@pytest.mark.parametrize("name", ["by", "reason", "via"])
@pytest.mark.parametrize("verb", [verb for verb, _, _ in VERBS])
def test_what_is_no_text_is_refused_and_nothing_is_done(
    verb: Callable[..., bool], name: str
) -> None:
    run = made(RunState.WAITING)

    with pytest.raises(InvalidInput, match=f"{name} is 5; give a text"):
        verb(run.pk, **{name: 5})

    assert get_history(run.pk) == []
