"""Baggage: given at the start, seen by children, by runs that go on, by steps and in log lines."""

import logging
from typing import Any

import pytest

from workflows.api import (
    Context,
    InvalidInput,
    RunState,
    current_step,
    get_run,
    send_or_start,
    start,
    start_many,
    step,
    workflow,
)
from workflows.models import Run
from workflows.testing import crash_everywhere, drive_until_idle
from workflows.tests.builders import driven

pytestmark = pytest.mark.django_db
CARRIED = {"request": "a7", "attempts": 2}


@step
def tell_baggage() -> dict[str, Any]:
    info = current_step()
    assert info is not None
    return dict(info.baggage)


@workflow("tests.baggage.child")
def child(run: Context) -> dict[str, Any]:
    return run.step(tell_baggage)


@workflow("tests.baggage")
def carrying(run: Context, left: int = 1) -> list[Any]:
    run.baggage["request"] = "changes nothing"
    if left:
        run.continue_as_new(left=left - 1)
    run.log.warning("here")
    inner = run.start_child(child).result()
    return [run.baggage, inner, run.step(tell_baggage)]


def test_the_code_its_steps_its_children_and_the_run_that_goes_on_have_it() -> None:
    run = driven(carrying, baggage=CARRIED)
    last = get_run(run.id, newest=True)

    assert (run.baggage, last.baggage) == (CARRIED, CARRIED)
    assert last.output == [CARRIED] * 3


def test_a_run_without_any_carries_nothing() -> None:
    assert driven(child).output == {}


def test_log_lines_tell_it(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "workflows.run"):
        driven(carrying, baggage=CARRIED)

    [line] = [each for each in caplog.records if each.name == "workflows.run"]
    assert '"request": "a7"' in line.getMessage()
    assert vars(line)["baggage"] == CARRIED


def test_it_is_given_beside_options_and_to_many() -> None:
    start.using(key="a", baggage=CARRIED)(child)
    start_many(child, [{}, {}], baggage=CARRIED)
    send_or_start(child, "go", key="b", baggage=CARRIED)

    assert list(Run.objects.values_list("baggage", flat=True)) == [CARRIED] * 4


def test_what_cannot_be_carried_is_refused_at_the_start() -> None:
    with pytest.raises(InvalidInput, match="baggage"):
        start(child, baggage={"a": object()})
    assert not Run.objects.exists()


def test_killed_anywhere_baggage_arrives() -> None:
    def play() -> None:
        start(carrying, baggage=CARRIED)
        drive_until_idle()
        assert set(Run.objects.values_list("state", flat=True)) == {RunState.COMPLETED}

    crash_everywhere(play, observe=lambda: list(Run.objects.values_list("baggage", flat=True)))
