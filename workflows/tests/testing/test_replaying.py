"""Histories in files, and workflows that say the same twice."""

import json
import random
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from django.utils import timezone

from workflows.api import ChildFailed, Context, export_history, start, workflow
from workflows.core.errors import InvalidInput
from workflows.testing import (
    advance,
    assert_deterministic,
    drive_until_idle,
    fake,
    replay_history,
    save_history,
)
from workflows.tests.testing import stories

pytestmark = pytest.mark.django_db
WORLD = {
    "clock": lambda: int(time.time()) % 7,
    "datetime": lambda: datetime.now(tz=UTC).day,
    "timezone": lambda: timezone.now().day,
    "chance": lambda: random.randint(1, 10**9),
    "uuid": lambda: uuid.uuid4().int,
    "imported uuid": lambda: uuid4().int,
}


@workflow("kit.honest")
def honest(run: Context, count: int) -> list[str]:
    """Ask the run alone."""
    chosen = f"{run.now()} {run.uuid()} {run.random()}"
    return [run.step(stories.note, chosen) for _ in range(count)]


@workflow("kit.spoilt")
def spoilt(run: Context) -> None:
    """Fail."""
    raise ValueError("too bad")


@workflow("kit.mother")
def mother(run: Context) -> str:
    """Catch what a child raises."""
    try:
        return str(run.start_child(spoilt).result())
    except ChildFailed as failed:
        return failed.cause


@workflow("kit.worldly")
def worldly(run: Context, what: str) -> None:
    """Ask the world, and wait for what it says."""
    run.wait_event(f"answer {WORLD[what]()}", timeout_seconds=0)


def test_a_saved_history_fits_the_code_that_made_it(tmp_path: Path) -> None:
    run = start(stories.trip)
    with fake(stories.fetch, raises=ValueError("full")):
        advance(seconds=3600)

    save_history(run, tmp_path / "trip.json")

    replay_history(tmp_path / "trip.json")
    assert "traceback" not in (tmp_path / "trip.json").read_text()


def test_what_a_child_raised_is_kept_without_its_traceback(tmp_path: Path) -> None:
    run = start(mother)
    drive_until_idle()

    save_history(run, tmp_path / "mother.json")

    replay_history(tmp_path / "mother.json")
    kept = (tmp_path / "mother.json").read_text()
    assert "too bad" in kept
    assert "raceback" not in kept


def test_a_history_that_the_code_no_longer_tells_names_file_and_difference(tmp_path: Path) -> None:
    run = start(honest, count=2)
    drive_until_idle()
    file = tmp_path / "honest.json"
    save_history(run.id, file)
    exported = json.loads(file.read_text())
    exported["history"][1]["name"] = "remember"
    file.write_text(json.dumps(exported))

    with pytest.raises(AssertionError, match=r"honest\.json: .*'remember'"):
        replay_history(file)


def test_a_history_is_replayed_without_a_file_or_from_a_path_as_text(tmp_path: Path) -> None:
    run = start(honest, count=2)
    drive_until_idle()
    save_history(str(run.id), str(tmp_path / "honest.json"))

    replay_history(str(tmp_path / "honest.json"))
    replay_history(export_history(run.id))


def test_a_file_of_another_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text('{"format": 99}')

    with pytest.raises(InvalidInput, match="format 99"):
        replay_history(tmp_path / "other.json")


def test_a_workflow_that_asks_the_run_alone_is_deterministic() -> None:
    assert_deterministic(honest, count=3)


@pytest.mark.parametrize("what", WORLD)
def test_a_workflow_that_asks_the_world_is_found_out(what: str) -> None:
    with pytest.raises(AssertionError, match="not deterministic"):
        assert_deterministic(worldly, what=what)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, None])
def test_a_file_that_holds_no_history_is_named(text: str | None, tmp_path: Path) -> None:
    file = tmp_path / "spoilt.json"
    if text is not None:
        file.write_text(text)

    with pytest.raises(InvalidInput, match=r"spoilt\.json: "):
        replay_history(file)


@workflow("tests.story.module_list")
def counting_in_a_module(run: Context) -> int:
    _counted.append(1)
    run.set_status("counting")
    return len(_counted)


_counted: list[int] = []


def test_what_is_returned_then_and_now_is_compared() -> None:
    with pytest.raises(AssertionError, match="it returned 1, and 2 at a replay"):
        assert_deterministic(counting_in_a_module)
