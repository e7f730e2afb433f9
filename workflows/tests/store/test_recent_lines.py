"""The last lines of many runs in one query: enough to tell where each is, without what is large."""

import pytest

from workflows.api import list_steps
from workflows.core.history import HistoryKind
from workflows.core.line_fields import OUTPUT
from workflows.engine.requests.listing import list_recent_steps
from workflows.store import recent_lines
from workflows.store.recent_lines import load_recent_lines
from workflows.store.statement import Statement
from workflows.tests.builders import driven
from workflows.tests.flows import greet_three, wait_for_go

pytestmark = pytest.mark.django_db


def test_each_run_has_its_own_lines_without_outputs() -> None:
    greeted, waiting = driven(greet_three), driven(wait_for_go)

    found = load_recent_lines([greeted.id, waiting.id])

    kinds = [line.kind for line in found[greeted.id]]
    assert kinds == [HistoryKind.STEP_COMPLETED] * 3
    assert {OUTPUT.find(line) for line in found[greeted.id]} == {None}
    assert [line.kind for line in found[waiting.id]] == [HistoryKind.WAIT_STARTED]


def test_the_states_of_steps_are_those_of_list_steps() -> None:
    run = driven(greet_three)

    told = list_recent_steps([run])[run.id]

    assert [(step.name, step.state) for step in told] == [
        (step.name, step.state) for step in list_steps(run.id)
    ]


def test_of_a_long_history_the_end_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    run = driven(greet_three)
    shorter = recent_lines._LOAD.text.replace(f"LIMIT {recent_lines.MOST_LINES}", "LIMIT 2")
    monkeypatch.setattr(recent_lines, "_LOAD", Statement(shorter))

    assert [line.position for line in load_recent_lines([run.id])[run.id]] == [2, 3]


def test_none_are_asked_for() -> None:
    assert load_recent_lines([]) == {}
