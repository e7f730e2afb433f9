"""Histories that were recorded once are replayed against the code of today, forever.

A new way to go gets a history here when it is new:
`manage.py workflows_replay --export RUN > submissions/tests/histories/<name>.json`. None is ever
recorded anew: a history that no longer fits asks for a new version of the workflow. Tracebacks are
taken out: they name files of the machine, and no replay reads them.
"""

import json
from pathlib import Path

import pytest

from submissions.tests.stories import STORIES
from workflows.testing import replay_history

HISTORIES = Path(__file__).parent / "histories"


@pytest.mark.parametrize("file", sorted(HISTORIES.glob("*.json")), ids=lambda file: file.stem)
def test_an_old_history_fits_the_code_of_today(file: Path) -> None:
    replay_history(file)


def test_every_way_to_go_has_its_history_and_every_workflow_has_one() -> None:
    kept = {file.stem: json.loads(file.read_text()) for file in HISTORIES.glob("*.json")}

    assert set(STORIES) <= set(kept)
    assert {history["workflow"] for history in kept.values()} == {
        "submissions.tool_submission",
        "submissions.result_letter",
        "submissions.link_watch",
        "submissions.link_recheck",
        "submissions.offer_letter",
    }


def test_no_kept_history_names_the_machine_it_was_recorded_on() -> None:
    told = [file.name for file in HISTORIES.glob("*.json") if '"traceback"' in file.read_text()]

    assert told == []


@pytest.mark.parametrize("position", [1, 3, 5])
def test_a_history_that_tells_another_story_is_refused(position: int, tmp_path: Path) -> None:
    other = json.loads((HISTORIES / "approved.json").read_text())
    for line in other["history"]:
        if line["position"] == position:
            line["kind"], line["name"], line["data"] = "step_completed", "other", {"output": None}
    file = tmp_path / "other.json"
    file.write_text(json.dumps(other))

    with pytest.raises(AssertionError, match=f"position {position}"):
        replay_history(file)
