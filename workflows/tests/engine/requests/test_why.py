"""Why a run does not move, as it is asked: with who lives, and by an id that may be wrong."""

import uuid

import pytest

from workflows.api import (
    Cause,
    Context,
    RunNotFound,
    start,
    step,
    why,
    workflow,
)
from workflows.models import Run
from workflows.store.queue import Code
from workflows.store.workers import enlist, living_workers
from workflows.tests.builders import connected, until
from workflows.tests.flows import greet_once

pytestmark = pytest.mark.django_db
THIS_CODE = Code(["tests.greet"], [1])
OTHER_CODE = Code(["tests.other"], [1])


def test_a_due_run_where_no_worker_lives_asks_for_a_cluster() -> None:
    until(lambda: living_workers() == 0)  # those of other tests

    reason = why(start(greet_once, name="Ann"))

    assert reason.cause == Cause.NO_WORKER
    assert "runcluster" in reason.advice


def test_a_due_run_says_whether_a_living_worker_has_its_code() -> None:
    run = start(greet_once, name="Ann")

    with connected() as own:
        enlist(own, host="here", pid=1, code=OTHER_CODE)
        missing = why(run)
        enlist(own, host="here", pid=2, code=THIS_CODE)
        due = why(run)

    assert (missing.cause, due.cause) == (Cause.CODE_MISSING, Cause.DUE)
    assert "'tests.greet', version 1" in missing.sentence


@step(pool="ovens")
def bake(what: str) -> str:
    return what


@workflow("why.baked", pool="kitchen")
def baked(run: Context, what: str) -> str:
    return run.step(bake, what)


def test_a_run_that_no_worker_serves_names_its_pool_or_its_step_s() -> None:
    run = start(baked, what="bread")

    with connected() as own:
        enlist(own, host="here", pid=1, code=OTHER_CODE)
        home = why(run)
        Run.objects.filter(pk=run.id).update(step_pool="ovens")
        away = why(run)

    assert "serves the pool 'kitchen' and has code for 'why.baked', version 1." in home.sentence
    assert home.advice.endswith("manage.py runcluster --pool kitchen.")
    assert "serves the pool 'ovens'" in away.sentence


def test_a_run_that_is_not_there_is_not_explained() -> None:
    with pytest.raises(RunNotFound):
        why(uuid.uuid4())
