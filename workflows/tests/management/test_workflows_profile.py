"""manage.py workflows_profile: a table of whose time it was."""

import pstats
import re
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from workflows.models import Run
from workflows.testing import send
from workflows.tests.engine.debugging.orders import waiting_order
from workflows.tests.flows import notes

pytestmark = pytest.mark.django_db


def profile(*arguments: str) -> tuple[str, str]:
    """Run the command; return what it said, and what it warned of."""
    out, warned = StringIO(), StringIO()
    call_command("workflows_profile", *arguments, stdout=out, stderr=warned)
    return out.getvalue(), warned.getvalue()


def test_it_says_whose_time_it_was(tmp_path: Path) -> None:
    file = tmp_path / "greet.prof"

    said, warned = profile("tests.greet", "--input", '{"name": "Ann"}', "--out", str(file))

    rows = dict(re.findall(r"^(engine|database|your code) +[\d,]+ +[\d.]+ +([\d.]+)%$", said, re.M))
    assert rows.keys() == {"engine", "database", "your code"}
    assert float(rows["engine"]) > 1 and float(rows["database"]) > 1
    assert "tests.greet version 1: 1 drives, " in said
    assert "flows.py:" in said and " greet\n" in said
    assert "the run is completed" in said and "everything was rolled back" in said
    assert "The steps of tests.greet run for real" in warned
    assert pstats.Stats(str(file)).total_calls > 100  # type: ignore[attr-defined]
    assert Run.objects.count() == 0


def test_several_runs_are_added_up() -> None:
    said, warned = profile("tests.greet", "--input", '{"name": "Ann"}', "--runs", "3")

    assert "3 runs of tests.greet version 1: 3 drives" in said
    assert warned.count("run for real, 3 times") == 1
    assert notes.done == ["greet Ann"] * 3


def test_with_fake_steps_none_runs_and_nobody_is_warned() -> None:
    run = waiting_order()
    send(run, "address", {"city": "Ghent"})
    done = list(notes.done)

    said, warned = profile(
        *(
            "tests.debugged",
            "--input",
            '{"order_id": 7}',
            "--fake-steps",
            str(run.id),
            "--runs",
            "2",
        )
    )

    assert "the run is completed" in said
    assert (warned, notes.done) == ("", done)


def test_a_run_that_waits_for_an_event_says_how_to_send_it() -> None:
    waits, _ = profile("tests.wait")
    goes_on, _ = profile("tests.wait", "--event", 'go={"fast": true}')

    assert "the run is waiting" in waits and "it waits for go: give --event NAME=JSON" in waits
    assert "the run is completed" in goes_on


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["tests.no_such"], "UnknownWorkflow"),
        (["tests.greet", "--input", "{"], "input_json is no JSON"),
        (["tests.greet", "--input", '{"name": 7}'], "InvalidInput"),
        (["tests.greet", "--runs", "0"], "a number of 1 or more"),
        (["tests.wait", "--event", "go={"], "is no JSON"),
        (["tests.wait", "--fake-steps", "nonsense"], "no run 'nonsense'"),
    ],
)
def test_what_cannot_be_profiled_is_told(arguments: list[str], told: str) -> None:
    with pytest.raises(CommandError, match=told):
        profile(*arguments)
