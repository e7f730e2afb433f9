"""docs/quickstart.md: its one file, pasted and run as it stands."""

import re

import pytest

from workflows.tests.package.page import Addition, steps
from workflows.tests.package.stranger import Stranger

pytestmark = [pytest.mark.cluster, pytest.mark.crash]


def test_the_pasted_file_shows_a_run_that_outlives_its_worker(stranger: Stranger) -> None:
    stranger.enter("quickstart")
    said = ""

    for step in steps("quickstart.md"):
        if isinstance(step, Addition):
            stranger.append(step.file, step.text)
        else:
            said = stranger.type(step.text)

    killings = re.findall(r"^killing worker (\d+)$", said, re.M)
    assert len(killings) == 1, said
    killed = killings[0]
    worked = re.findall(r"^step (\d) in worker (\d+)$", said, re.M)
    assert worked[:2] == [("1", killed), ("2", killed)]
    assert worked[-1][0] == "4"
    assert worked[-1][1] != killed
    assert "\n4 steps, by 2 workers\n" in said
    assert [number for number, _ in worked if number in "12"] == ["1", "2"], "done once"
