"""Events and cancels by the id of a chain's first run reach the newest, at the same cost however long
the chain is, and whatever was lost of it."""

from collections.abc import Callable
from typing import Any
from unittest import mock
from uuid import UUID

import pytest
from django.db import transaction

from workflows.api import (
    Context,
    HistoryKind,
    Permanent,
    RunIsOver,
    RunNotFound,
    RunState,
    cancel,
    compensate,
    get_run,
    pause,
    resume,
    retry_now,
    send_event,
    start,
    step,
    workflow,
)
from workflows.engine.requests import pause as pause_module, steering
from workflows.models import History, Run
from workflows.testing import crash_everywhere, drive_until_idle, send
from workflows.tests.builders import counted_statements, driven, kinds, run_sql
from workflows.tests.flows import notes
from workflows.tests.old_runs import chain

pytestmark = pytest.mark.django_db


def newest(first: UUID) -> UUID:
    return Run.objects.values_list("id", flat=True).get(chain_id=first, continued_as=None)


def lose(*runs: UUID) -> None:
    """Delete runs as nobody should, with their children."""
    with transaction.atomic():
        run_sql("SET LOCAL workflows.pruning = 'on'")
        lost = Run.objects.filter(pk__in=runs) | Run.objects.filter(parent__in=runs)
        History.objects.filter(run__in=lost).delete()
        Run.objects.filter(parent__in=runs).delete()
        Run.objects.filter(pk__in=runs).delete()


@pytest.mark.parametrize(
    "verb", [lambda run: send_event(run, "go"), lambda run: cancel(run)], ids=["send", "cancel"]
)
def test_a_verb_costs_the_same_for_a_long_chain(verb: Callable[[UUID], object]) -> None:
    sent = []
    for hops in (2, 30):
        run = driven(chain, hops=hops, waits=True)
        with counted_statements() as statements:
            verb(run.id)
        sent.append(len(statements))

    assert sent[0] == sent[1]


def test_an_event_reaches_the_newest_though_runs_before_it_are_lost() -> None:
    first = driven(chain, hops=4, waits=True)
    middle = get_run(first.id).continued_as
    last = newest(first.id)
    assert middle is not None

    lose(middle)
    send_event(first.id, "go", 1)
    lose(first.id)
    send_event(first.id, "go", 2)
    drive_until_idle()

    assert get_run(last).state == RunState.COMPLETED
    assert Run.objects.get(pk=last).events >= 2
    with pytest.raises(RunIsOver):
        send_event(first.id, "go", 3)
    with pytest.raises(RunNotFound):
        send_event(middle, "go", 4)


def test_a_cancel_reaches_the_newest_though_runs_before_it_are_lost() -> None:
    first = driven(chain, hops=4, waits=True)
    middle, last = get_run(first.id).continued_as, newest(first.id)
    assert middle is not None
    lose(first.id, middle)

    assert cancel(first.id) is True

    assert get_run(last).state == RunState.CANCELLED
    assert cancel(first.id) is False
    with pytest.raises(RunNotFound):
        cancel(middle)


def test_what_never_was_is_not_found() -> None:
    nobody = start(chain, hops=1).id
    lose(nobody)

    with pytest.raises(RunNotFound):
        send_event(nobody, "go")
    with pytest.raises(RunNotFound):
        cancel(nobody)


def undo_count(output: int, left: int) -> None:
    notes.note(f"undo {left}")


@step(compensate=undo_count)
def count_down(left: int) -> int:
    return left - 1


@workflow("tests.chains.failing")
def failing_chain(run: Context, left: int = 2) -> None:
    left = run.step(count_down, left)
    if left:
        run.continue_as_new(left=left)
    raise Permanent("at its end")


@workflow("tests.chains.hopping")
def hops_when_told(run: Context) -> None:
    run.wait_event("go")
    run.continue_as_new()


def test_the_newest_run_is_found_by_any_of_its_chain() -> None:
    first = driven(chain, hops=3, waits=True)
    last = newest(first.id)
    middle = get_run(first.id).continued_as
    assert middle is not None

    found = [get_run(each, newest=True).id for each in (first.id, middle, last)]

    assert found == [last] * 3
    assert get_run(first.id).id == first.id


def test_retry_now_drives_the_newest() -> None:
    first = driven(chain, hops=2, waits=True)

    assert retry_now(first.id)
    drive_until_idle()

    assert HistoryKind.WOKEN in kinds(newest(first.id))


def test_killed_anywhere_compensate_undoes_the_newest_by_the_id_of_the_first() -> None:
    def play() -> None:
        notes.done.clear()
        first = driven(failing_chain)
        assert compensate(first.id)
        drive_until_idle()
        assert get_run(first.id, newest=True).state == RunState.COMPENSATED

    crash_everywhere(play, at_least_once=lambda: notes.done)

    assert set(notes.done) == {"undo 1"}


def test_pause_and_resume_reach_a_run_that_goes_on_at_that_moment() -> None:
    """As the verb has found the newest run, that goes on as another."""
    first = driven(hops_when_told)
    asked: list[Any] = []

    def in_tree(*args: Any) -> Any:
        if not asked:
            send(first.id, "go")
        asked.append(args)
        return steering.in_tree(*args)

    with mock.patch.object(pause_module, "in_tree", in_tree):
        assert pause(first.id)
        assert get_run(first.id, newest=True).state == RunState.PAUSED
        assert resume(first.id)

    assert get_run(first.id, newest=True).state == RunState.WAITING
