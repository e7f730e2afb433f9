"""What a fork writes."""

from uuid import uuid4

import pytest

from workflows.core.asked import Asked
from workflows.core.fork import Prefix
from workflows.core.history import RETRY
from workflows.core.notes import CarriedNotes
from workflows.core.signature import Input
from workflows.models import History, Run
from workflows.store import fork as store
from workflows.store.history import load_history
from workflows.tests.builders import kinds

pytestmark = pytest.mark.django_db


def test_its_lines_stand_in_their_order_with_their_times_and_the_line_of_the_fork_behind() -> None:
    origin = Run.objects.create(workflow="tests.made", version=1, max_crashes=2)
    for position in (1, 2, 3):
        History.objects.create(
            run=origin, position=position, part=RETRY, kind="step_completed", attempt=7
        )
    known = load_history(origin.pk)
    held = store.lock_origin(origin.pk)
    assert held is not None
    new = uuid4()
    store.create_fork(
        new,
        origin.pk,
        Prefix(known[:2], "a label", CarriedNotes('{"a": 1}', "{}")),
        Asked("ann"),
        before=3,
        input=Input('{"b": 2}'),
        baggage='{"c": 3}',
        inputs=["b"],
        deadline_seconds=None,
    )

    made = Run.objects.get(pk=new)
    assert kinds(new) == ["step_completed", "step_completed", "forked"]
    assert [(each.position, each.part, each.at) for each in load_history(new)[:2]] == [
        (each.position, 0, each.at) for each in known[:2]
    ]
    assert (made.state, made.attempt, made.max_crashes) == ("pending", 1, 2)
    assert (made.status, made.data, made.input, made.baggage, made.forked_from) == (
        *("a label", {"a": 1}, {"b": 2}, {"c": 3}),
        origin.pk,
    )
    assert set(History.objects.filter(run=new).values_list("attempt", flat=True)) == {1}


def test_there_may_be_no_such_run() -> None:
    assert store.lock_origin(uuid4()) is None
