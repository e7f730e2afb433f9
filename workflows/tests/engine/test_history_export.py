"""A run's story as a file: exported once, checked for ever."""

from typing import Any
from uuid import uuid4

import pytest

from workflows.api import (
    Context,
    InvalidInput,
    cancel,
    export_history,
    replay_history,
    start,
    workflow,
)
from workflows.testing import drive_until_idle
from workflows.tests.builders import driven
from workflows.tests.engine.families import waiting_child
from workflows.tests.flows import greet

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "wrong",
    [{}, [], {"format": 99}, {"format": 1, "run": "x"}, {"format": 1, "run": 5}, {"format": 1}],
)
def test_what_is_no_history_is_refused_in_words(wrong: Any) -> None:
    with pytest.raises(InvalidInput, match="histor"):
        replay_history(wrong)


def test_a_run_that_is_over_may_be_exported_too() -> None:
    run = driven(waiting_child)
    cancel(run.id)

    exported = export_history(run.id)

    assert exported["workflow"] == "tests.waiting_child"
    assert exported["history"][-1]["kind"] == "run_cancelled"


@workflow("tests.carrying")
def carrying(run: Context) -> str:
    return run.step(greet, str(run.baggage["name"]))


def test_what_a_run_carries_along_is_exported_and_known_at_a_replay() -> None:
    run = start.using(baggage={"name": "Ann"})(carrying)
    drive_until_idle()

    exported = export_history(run.id)

    assert exported["baggage"] == {"name": "Ann"}
    assert replay_history(exported) is None


SPOILT: dict[str, Any] = {
    "format": "1",
    "run": "x",
    "workflow": ["a"],
    "version": "1",
    "input": 5,
    "defaults": None,
    "created_at": "2026-01-01T00:00:00",
    "history": {},
}


@pytest.mark.parametrize("field", SPOILT)
def test_a_spoilt_export_is_refused_with_the_field_that_is_wrong(field: str) -> None:
    exported = export_history(driven(waiting_child).id)

    with pytest.raises(InvalidInput, match=f"^not an exported history: '{field}' is "):
        replay_history({**exported, field: SPOILT[field]})


@pytest.mark.parametrize(
    ("field", "value"),
    [("position", "1"), ("part", None), ("name", 5), ("data", []), ("at", "x"), ("kind", "danced")],
)
def test_a_spoilt_line_is_refused_with_the_field_that_is_wrong(field: str, value: Any) -> None:
    exported = export_history(driven(waiting_child).id)
    spoilt = {**exported["history"][0], field: value}

    with pytest.raises(InvalidInput, match=f"^not an exported history: .*{field}"):
        replay_history({**exported, "history": [spoilt]})


@pytest.mark.parametrize("exported", [None, [], 5, {}, {"format": 1, "run": str(uuid4())}])
def test_what_is_no_export_is_refused_with_a_sentence(exported: Any) -> None:
    with pytest.raises(InvalidInput, match=r"history: .[a-z]+. is missing from"):
        replay_history(exported)
