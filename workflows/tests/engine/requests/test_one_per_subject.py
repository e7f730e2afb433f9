"""One open run for each subject, whoever starts it: by key, along a chain, as a child, as a fork, by schedule."""

from collections.abc import Callable
from typing import Any

import pytest

from workflows.api import (
    Context,
    DefinitionError,
    InvalidInput,
    RunState,
    SubjectTaken,
    cancel,
    fork,
    get_run,
    put_schedule,
    schedule,
    send_or_start,
    start,
    update_or_start,
    workflow,
)
from workflows.models import Run
from workflows.testing import crash_everywhere, drive_until_idle, send
from workflows.tests.builders import driven
from workflows.tests.flows import greet
from workflows.tests.registering import own_workflows

pytestmark = pytest.mark.django_db


@workflow("subjects.order", one_per_subject=True)
def order(run: Context, number: int = 0) -> Any:
    run.step(greet, "Ann")
    if run.wait_event("item") == "next":
        run.continue_as_new(number=number + 1)
    return number


@workflow("subjects.parent")
def parent(run: Context) -> None:
    run.start_child(order)


@workflow("subjects.spreading")
def spreading(run: Context) -> None:
    run.map([run.child(order)])


def waits(run: Context) -> None:
    run.wait_event("item")


@workflow("subjects.parent_of_later")
def parent_of_later(run: Context) -> None:
    run.start_child("subjects.later")


def started(subject: str = "7", **options: Any) -> Any:
    run = start.using(subject=subject, **options)(order)
    drive_until_idle()
    return run


@pytest.mark.parametrize(
    "ask",
    [
        lambda: send_or_start(order, "item", 1, key="new", subject="7"),
        lambda: update_or_start(order, "add", 1, key="new", subject="7", timeout_seconds=0),
        lambda: start.using(key="new", subject="7")(order),
    ],
    ids=["send_or_start", "update_or_start", "start"],
)
@pytest.mark.parametrize("key", [None, "old"])
def test_the_run_of_another_key_gets_nothing(ask: Callable[[], object], key: str | None) -> None:
    run = started(key=key)

    with pytest.raises(SubjectTaken) as refused:
        ask()

    assert refused.value.run_id == str(run.id)
    assert Run.objects.get().events == 0


def test_a_chain_keeps_its_key_and_its_subject() -> None:
    run = started(key="old")
    send(run.id, "item", "next")

    again = start.using(key="old", subject="7")(order)
    sent = send_or_start(order, "item", 1, key="old", subject="7")
    drive_until_idle()

    assert again.id == sent.id == run.id
    assert get_run(run.id, newest=True).output == 1
    assert Run.objects.count() == 2


@pytest.mark.parametrize("family", [parent, spreading])
def test_a_child_has_no_subject_and_is_refused(family: Any) -> None:
    run = driven(family)

    assert run.state == RunState.BLOCKED
    assert run.error is not None
    assert "has one run for each subject" in run.error["message"]
    assert Run.objects.count() == 1


def test_a_child_that_an_earlier_release_has_started_goes_on() -> None:
    with own_workflows():
        workflow("subjects.later")(waits)
        run = driven(parent_of_later)
        workflow("subjects.later", one_per_subject=True)(waits)
        [child] = Run.objects.filter(parent=run.id)

        send(child.pk, "item")

    assert get_run(run.id).state == RunState.COMPLETED


def test_a_schedule_names_no_subject_and_is_refused() -> None:
    with pytest.raises(InvalidInput, match="has one run for each subject"):
        put_schedule("nightly", order, cron="0 3 * * *")
    with pytest.raises(DefinitionError, match="has one run for each subject"):
        schedule("0 3 * * *", name="hourly")(order)


def test_a_fork_of_an_open_run_is_refused() -> None:
    run = started()

    with pytest.raises(SubjectTaken) as refused:
        fork(run.id, at=2)

    assert refused.value.run_id == str(run.id)
    assert Run.objects.count() == 1


def test_a_fork_of_a_run_whose_subject_another_has_is_refused() -> None:
    run = started()
    cancel(run.id)
    other = started()

    with pytest.raises(SubjectTaken) as refused:
        fork(run.id, at=2)

    assert refused.value.run_id == str(other.id)


def test_a_fork_of_a_run_that_has_ended_takes_its_subject() -> None:
    run = started()
    cancel(run.id)

    forked = fork(run.id, at=2)

    assert get_run(forked.id).subject == "7"
    with pytest.raises(SubjectTaken) as refused:
        started()
    assert refused.value.run_id == str(forked.id)
    send(forked.id, "item")
    assert started().id != forked.id


def test_killed_anywhere_a_fork_has_its_subject_alone() -> None:
    def play() -> None:
        run = started()
        cancel(run.id)
        forked = fork(run.id, at=2)
        with pytest.raises(SubjectTaken):
            started()
        send(forked.id, "item")
        started()

    crash_everywhere(play)
