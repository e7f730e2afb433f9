"""Which attempt of which step is running here: nobody else's, whoever calls whom."""

import threading
from uuid import UUID

import pytest

from workflows.api import Context, StepInfo, current_step, execute_action, step, workflow
from workflows.tests.builders import driven
from workflows.tests.engine.actions import MAKE
from workflows.tests.flows import ONCE

pytestmark = pytest.mark.django_db
seen: dict[str, StepInfo | None] = {}


def look(where: str) -> None:
    seen[where] = current_step()


@step(retry=ONCE)
def look_around(run_id: UUID) -> None:
    look("at first")
    execute_action(MAKE, key=str(run_id), parameters={"name": "inside"})
    look("after an action")
    beside = threading.Thread(target=look, args=["in a thread"])
    beside.start()
    beside.join()


@workflow("tests.looking_around")
def looking_around(run: Context) -> None:
    look("in workflow code")
    run.step(look_around, run.run_id)
    look("after the step")


def test_a_step_knows_itself_and_nobody_else_does() -> None:
    seen.clear()

    run = driven(looking_around)

    inside = seen["at first"]
    assert inside is not None
    assert (inside.run_id, inside.name, inside.position) == (run.id, "look_around", 1)
    assert seen["after an action"] == inside
    assert seen["in workflow code"] is seen["after the step"] is seen["in a thread"] is None
    assert current_step() is None
