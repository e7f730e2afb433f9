"""The examples of docs/writing-workflows.md do what the page says."""

import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.core.files.storage import default_storage

from workflows.api import RunState, get_run, list_actions, start
from workflows.testing import advance, drive_until_idle
from workflows.tests.builders import driven

pytestmark = pytest.mark.django_db
PAGE = Path(__file__).resolve().parents[2] / "docs" / "writing-workflows.md"


@pytest.fixture(scope="module")
def examples() -> ModuleType:
    """Return the module that all examples from the sagas on are together."""
    text = PAGE.read_text().split("## Undoing: sagas")[1].split("## Errors")[0]
    module = ModuleType("workflows_examples")
    for block in re.findall(r"```python\n(.*?)```", text, re.S):
        exec(compile(block, str(PAGE), "exec"), module.__dict__)
    return module


@pytest.mark.parametrize(
    ("name", "given", "output"),
    [
        ("trip", {"vehicle": "car"}, "hotel-1, car-1"),
        ("prices", {"shops": ["Ghent", "Antwerp"]}, [500, 700]),
        ("best_price", {}, 500),
        ("month", {"customers": ["ann", "bob"]}, ["invoice for ann", "invoice for bob"]),
        ("reminding", {}, "1 to ann@example.org"),
        ("copy", {"table": "orders"}, 10),
        ("changed", {}, "checked"),
    ],
)
def test_an_example_returns_what_the_page_lets_expect(
    examples: ModuleType, name: str, given: dict[str, Any], output: Any
) -> None:
    run = driven(getattr(examples, name), **given)

    assert run.output == output


def test_five_megabytes_go_from_step_to_step_by_the_name_of_their_file(
    examples: ModuleType, settings: Any
) -> None:
    in_memory = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
    settings.STORAGES = {**settings.STORAGES, "default": in_memory}

    run = driven(examples.export, rows=700_000)

    assert run.output == 5_600_000
    assert default_storage.listdir("exports")[1] == [f"{run.id}.csv"]


def test_the_trip_that_cannot_be_booked_is_undone(examples: ModuleType) -> None:
    assert driven(examples.trip, vehicle="submarine").state == RunState.COMPENSATED


def test_what_one_shop_has_not_another_supplies(examples: ModuleType) -> None:
    first = driven(examples.supply, shops=["empty", "full"])
    assert first.state == RunState.COMPENSATED
    advance(seconds=700)

    assert get_run(first.id, newest=True).output == "order at full"


def test_the_guest_is_served_until_the_kitchen_closes(examples: ModuleType) -> None:
    kitchen = start(examples.kitchen, dishes=1)
    assert driven(examples.guest, kitchen_id=str(kitchen.id), dish="soup").output == "ate soup"
    late = driven(examples.guest, kitchen_id=str(kitchen.id), dish="pie")

    assert (get_run(kitchen.id).output, late.output) == (1, "the kitchen is closed")


def test_the_counter_ends_when_nobody_ticks(examples: ModuleType) -> None:
    run = start(examples.counter)
    drive_until_idle()

    advance(seconds=61)

    assert get_run(run.id).output == 0


def test_the_action_is_executed_from_anywhere_and_described(examples: ModuleType) -> None:
    assert examples.from_anywhere() == "1 to bob@example.org"
    assert {"send_reminder", "book_seats"} <= {each.name for each in list_actions()}
    assert examples.schemas["send_reminder"]["required"] == ["recipient"]
