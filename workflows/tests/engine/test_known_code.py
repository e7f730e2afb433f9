"""What a worker does when the bell rings, where drives leave something behind."""

from unittest import mock

import pytest
from django.db.models.functions import Now

from workflows.api import RunState, get_run, start
from workflows.models import Run
from workflows.tests.engine.workers import work
from workflows.tests.flows import greet_once

pytestmark = pytest.mark.usefixtures("committed")


def test_runs_of_unknown_code_wait_and_starve_nobody() -> None:
    unknown = Run.objects.create(workflow="tests.of_a_later_deploy", version=1, wake_at=Now())
    known = start(greet_once, name="Ann")

    driven = work()

    assert driven == 1
    assert get_run(known.id).state == RunState.COMPLETED
    assert get_run(unknown.pk).state == RunState.PENDING


def test_a_worker_ends_after_a_drive_that_wore_it_out() -> None:
    start(greet_once, name="Ann")
    start(greet_once, name="Bob")

    with (
        mock.patch("workflows.engine.worker_loop.drive", return_value=True),
        pytest.raises(SystemExit),
    ):
        work()

    assert Run.objects.filter(state=RunState.PENDING).count() == 1
