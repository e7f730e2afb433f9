"""An action says in words where it would do nothing; what it does, the admin's tests tell."""

import pytest

from workflows import api
from workflows.api import RunState
from workflows.models import Run
from workflows.run_actions import CANCEL, COMPENSATE, PAUSE, RESUME, RETRY

DEEDS = {
    "cancel": CANCEL,
    "retry": RETRY,
    "compensate": COMPENSATE,
    "pause": PAUSE,
    "resume": RESUME,
}


@pytest.mark.django_db
@pytest.mark.parametrize("state", sorted(RunState))
@pytest.mark.parametrize("name", DEEDS)
def test_it_is_refused_in_words_exactly_where_it_would_do_nothing(
    name: str, state: RunState
) -> None:
    pausing = state == RunState.PAUSED or (name, state) == ("resume", RunState.RUNNING)
    run = Run.objects.create(workflow="tests.made", version=1, state=state, pausing=pausing)

    told = DEEDS[name].refuse(run)

    done = getattr(api, name)(run.pk)
    due_already = (name, state) == ("retry", RunState.PENDING)
    assert bool(told) == (not done and not due_already)
