"""docs/schedules.md: what it prints runs as it is printed, and its table of a change of clocks is true."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from workflows.api import get_schedule, list_schedules
from workflows.core.cron_line import CronLine
from workflows.definitions import schedule as registry
from workflows.engine.schedules.declared_rows import write_declared
from workflows.tests.registering import own_workflows

pytestmark = pytest.mark.usefixtures("committed")
PAGE = (Path(__file__).resolve().parents[4] / "docs/schedules.md").read_text()


@pytest.fixture(autouse=True)
def own_schedules() -> Iterator[None]:
    with own_workflows(), mock.patch.dict(registry._declared, clear=True):
        yield


def test_the_examples_run_one_after_the_other() -> None:
    first, second, _ = blocks()
    names: dict[str, object] = {"__name__": __name__}

    exec(first, names)
    write_declared()
    exec(second, names)

    known = [each.name for each in list_schedules()]
    assert known == ["early sums", "hourly sums", "reports.nightly"]
    assert get_schedule("hourly sums").started == 1
    assert len(get_schedule("hourly sums").waiting) == 25


def blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", PAGE, re.S | re.M)


def test_the_example_of_a_test_passes() -> None:
    first, _, third = blocks()
    names: dict[str, Any] = {"__name__": __name__}

    exec(first, names)
    exec(third, names)
    names["test_every_night_has_its_run"]()

    assert get_schedule("reports.nightly").started >= 3


@pytest.mark.parametrize("line", ["30 2 * * *", "0 3 * * *", "30 * * * *"])
def test_the_lines_of_the_table_are_cron_lines(line: str) -> None:
    assert f"| `{line}` |" in PAGE
    CronLine(line, "Europe/Brussels")
