"""The command: what it prints, and its exit code for monitors."""

import json
from io import StringIO
from typing import Any
from unittest import mock

import pytest
from django.core.management import call_command

from workflows.doctor.finding import Finding, Severity
from workflows.management.commands import workflows_doctor

WELL = Finding(area="clocks", check="clocks", severity=Severity.OK, sentence="the clocks agree")
LATE = Finding(
    area="runs", check="late", severity=Severity.WARNING, sentence="2 runs are late", advice="Wait."
)
LOST = Finding(
    area="runs", check="leases", severity=Severity.ERROR, sentence="1 run is lost", advice="Look."
)


def examined(*found: Finding, options: tuple[str, ...] = ()) -> tuple[int, str]:
    """Return the exit code and what was printed of these findings."""
    out = StringIO()
    with mock.patch.object(workflows_doctor, "examine", return_value=iter(found)):
        try:
            call_command("workflows_doctor", *options, stdout=out)
        except SystemExit as end:
            return int(str(end.code)), out.getvalue()
    return 0, out.getvalue()


@pytest.mark.parametrize(
    ("found", "code"), [([WELL], 0), ([WELL, LATE], 1), ([LATE, LOST, WELL], 2)]
)
def test_the_worst_finding_is_the_exit_code(found: list[Finding], code: int) -> None:
    assert examined(*found)[0] == code


def test_findings_are_printed_with_what_to_do() -> None:
    _, said = examined(WELL, LATE)

    assert said.splitlines() == [
        "ok       clocks: the clocks agree",
        "warning  runs: 2 runs are late",
        "         Wait.",
        "0 errors, 1 warnings, 1 looks well",
    ]


def test_quietly_nothing_is_said_of_what_is_well() -> None:
    assert "clocks" not in examined(WELL, LATE, options=("--quiet",))[1]


def test_in_json_each_finding_is_a_line() -> None:
    code, said = examined(WELL, LOST, options=("--json",))

    told: list[Any] = [json.loads(line) for line in said.splitlines()]
    assert code == 2
    assert [each["severity"] for each in told] == ["ok", "error"]
    assert told[1] == {
        "area": "runs",
        "check": "leases",
        "severity": "error",
        "sentence": "1 run is lost",
        "advice": "Look.",
    }


@pytest.mark.django_db
def test_a_real_examination_ends() -> None:
    out = StringIO()
    with pytest.raises(SystemExit):  # no worker lives in tests
        call_command("workflows_doctor", stdout=out)

    assert "cluster: no worker lives" in out.getvalue()
