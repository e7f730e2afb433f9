"""Every verb in every state does what docs/states.md says."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db.models.functions import Now

from workflows import api
from workflows.api import (
    Context,
    RunIsOver,
    RunNotFound,
    RunState,
    fork,
    get_run,
    send_event,
    start,
    workflow,
)
from workflows.core.states import HELD_STATES
from workflows.engine.drive.drive import drive
from workflows.models import Run
from workflows.tests.builders import claim, kinds
from workflows.tests.flows import greet_once

pytestmark = pytest.mark.django_db
PAGE = Path(__file__).resolve().parents[4] / "docs" / "states.md"
NO, KEPT, THE_RUN = "no", "kept", "the run"


def documented() -> dict[tuple[str, str], str]:
    """Return the cells of the table, by verb and state."""
    under = PAGE.read_text().split("\n## Verbs\n")[1].split("\n## ")[0]
    rows = [line.strip("|").split("|") for line in under.splitlines() if line.startswith("|")]
    plain = [[cell.replace("`", "").strip() for cell in row] for row in rows]
    verbs = [re.match(r"\w+", cell)[0] for cell in plain[0][1:]]  # type: ignore[index]
    return {
        (verb, row[0]): cell for row in plain[2:] for verb, cell in zip(verbs, row[1:], strict=True)
    }


def made(state: RunState) -> Run:
    """Return a run in a state, as it is found there: due, parked, or in the hands of a worker."""
    is_held = state in HELD_STATES - {RunState.COMPENSATING}
    return Run.objects.create(
        workflow="tests.greet",
        version=1,
        input={"name": "Ann"},
        key="ann",
        state=state,
        pausing=state == RunState.PAUSED,
        wake_at=Now() if state in (RunState.PENDING, RunState.WAITING) else None,
        due_at_resume=Now() if state == RunState.PAUSED else None,
        lease_until=Now() if is_held else None,
    )


def steered(verb: Callable[..., bool]) -> Callable[[Run], str]:
    def do(run: Run) -> str:
        before = run.state
        done = verb(run.pk, by="alice")
        after = get_run(run.pk).state
        if not done:
            assert (after, kinds(run.pk)) == (before, [])
        return str(after) if done else NO

    return do


def sent(run: Run) -> str:
    try:
        send_event(run.pk, "go")
    except RunIsOver as refused:
        return type(refused).__name__
    return KEPT


def started(run: Run) -> str:
    return THE_RUN if start(greet_once, key="ann", name="Ann").id == run.pk else "another"


def forked(run: Run) -> str:
    before = get_run(run.pk)
    other = fork(run.pk, at=1).id
    return "another run" if other != run.pk and get_run(run.pk) == before else "the run"


STEERING = ("cancel", "compensate", "retry", "retry_now", "pause", "resume")
DEEDS: dict[str, Callable[[Run], str]] = {
    **{name: steered(getattr(api, name)) for name in STEERING},
    "send_event": sent,
    "start": started,
    "fork": forked,
}


def test_the_table_has_every_verb_and_every_state() -> None:
    assert documented().keys() == {(verb, state.value) for verb in DEEDS for state in RunState}


@pytest.mark.parametrize("state", sorted(RunState))
@pytest.mark.parametrize("verb", DEEDS)
def test_a_verb_does_what_the_table_says(verb: str, state: RunState) -> None:
    assert DEEDS[verb](made(state)) == documented()[verb, state]


@workflow("verbs.sending")
def sending(run: Context, to: str) -> str:
    try:
        run.send_event(to, "go")
    except RunIsOver as refused:
        return type(refused).__name__
    return KEPT


@pytest.mark.parametrize("state", sorted(RunState))
def test_workflow_code_sends_as_the_outside_does(state: RunState) -> None:
    to = made(state)
    run = start(sending, to=str(to.pk), priority=9)
    drive(claim())

    assert get_run(run.id).output == documented()["send_event", state]


@pytest.mark.parametrize("verb", STEERING)
def test_a_run_that_is_not_there_is_found_by_none(verb: str) -> None:
    with pytest.raises(RunNotFound):
        getattr(api, verb)("00000000-0000-0000-0000-000000000001")
