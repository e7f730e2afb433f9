"""The input of a tick's run: checked when it is written, and with the tick where it is asked for."""

from datetime import UTC, datetime

import pytest

from workflows.api import Context, InvalidInput
from workflows.definitions.workflow import workflow_definition
from workflows.engine.schedules.tick_run import checked_input, stored_input
from workflows.tests.registering import registered

TICK = datetime(2026, 3, 29, 1, tzinfo=UTC)


def takes_tick(run: Context, scheduled_for: datetime, kind: str = "short") -> None: ...


def takes_text(run: Context, scheduled_for: str) -> None: ...


def takes_nothing(run: Context) -> None: ...


def test_a_parameter_of_that_name_is_given_the_tick_and_a_schedule_does_not_keep_it() -> None:
    with registered(takes_tick, "tests.takes_tick") as code:
        definition = workflow_definition(code)

        asked = checked_input(definition, {}, TICK, whose="report")
        kept = stored_input(definition, {"kind": "long"}, TICK, whose="report")

    assert (asked.given, asked.defaults) == (
        '{"scheduled_for": "2026-03-29T01:00:00Z"}',
        '{"kind": "short"}',
    )
    assert kept == {"kind": "long"}


def test_a_tick_may_be_taken_as_text() -> None:
    with registered(takes_text, "tests.takes_text") as code:
        asked = checked_input(workflow_definition(code), {}, TICK, whose="report")

    assert asked.given == '{"scheduled_for": "2026-03-29T01:00:00+00:00"}'


def test_who_does_not_ask_is_given_nothing() -> None:
    with registered(takes_nothing, "tests.takes_nothing") as code:
        definition = workflow_definition(code)

        assert checked_input(definition, {}, TICK, whose="report").given == "{}"
        with pytest.raises(InvalidInput, match=r"'report': input of 'tests\.takes_nothing'"):
            checked_input(definition, {"more": 1}, TICK, whose="report")
