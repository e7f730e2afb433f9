"""A run is named by its id, by the id as text, or by a RunView; anything else is no run."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from workflows import api, testing
from workflows.api import RunNotFound, RunState, get_run, start
from workflows.models import Run
from workflows.testing import drive_until_idle
from workflows.tests.flows import wait_for_go

pytestmark = pytest.mark.django_db

Verb = Callable[[Any], Any]


def send_event(run: Any) -> None:
    api.send_event(run, "go", 1)


def send(run: Any) -> None:
    testing.send(run, "go", 1)


VERBS: list[Verb] = [
    api.cancel,
    api.compensate,
    api.export_history,
    api.get_history,
    api.get_run,
    api.list_steps,
    api.retry_now,
    send,
    send_event,
    testing.history_of,
]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_takes_an_id_its_text_and_a_run(verb: Verb) -> None:
    runs = [start(wait_for_go) for _ in range(3)]

    verb(runs[0].id)
    verb(str(runs[1].id))
    verb(runs[2])


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("nothing", ["no-id", None, 7], ids=repr)
def test_what_names_no_run_is_told_and_breaks_no_transaction(verb: Verb, nothing: Any) -> None:
    with pytest.raises(RunNotFound, match=f"no run {nothing!r}; give the id of a run"):
        verb(nothing)

    assert connection.is_usable()
    start(wait_for_go)


@pytest.mark.parametrize("verb", VERBS)
def test_an_id_that_no_run_has_is_told(verb: Verb) -> None:
    with pytest.raises(RunNotFound):
        verb(uuid4())


def test_runs_are_read_where_they_are_written_whatever_a_router_says(settings: Any) -> None:
    settings.DATABASE_ROUTERS = [ReadsElsewhere()]

    run = start(wait_for_go)
    drive_until_idle()

    assert get_run(run.id).state == RunState.WAITING
    assert [each.pk for each in Run.objects.all()] == [run.id]


class ReadsElsewhere:
    """A router that sends all reads to a database that is not there."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        """Return the name of a replica."""
        return "replica"
