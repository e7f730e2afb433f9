"""The run's logger speaks once for each thing that happens, and never in a replay."""

import pytest

from workflows.api import Context, get_run, send_event, workflow
from workflows.testing import drive_until_idle
from workflows.tests.builders import driven
from workflows.tests.flows import greet
from workflows.tests.listening import listening

pytestmark = pytest.mark.django_db


@workflow("tests.talking")
def talking(run: Context) -> None:
    run.log.info("one")
    run.step(greet, "Alice")
    run.log.info("two")
    run.wait_event("go")
    run.log.info("three")
    run.uuid()
    run.step(greet, "Bob")
    run.log.warning("four %d", 4)
    run.wait_event("go")
    run.log.info("five")


def test_each_line_is_said_once_however_often_the_run_is_replayed() -> None:
    with listening("workflows.run") as ear:
        run = driven(talking)
        for _ in range(2):
            send_event(run.id, "go")
            drive_until_idle()

    said = [record.getMessage().rsplit(": ", 1)[1] for record in ear.records]
    assert get_run(run.id).is_over
    assert said == ["one", "two", "three", "four 4", "five"]


def test_each_line_names_its_run() -> None:
    with listening("workflows.run") as ear:
        run = driven(talking)

    assert ear.records[0].getMessage() == f"tests.talking {run.id}: one"
    assert vars(ear.records[0])["run_id"] == str(run.id)
    assert vars(ear.records[0])["workflow"] == "tests.talking"
