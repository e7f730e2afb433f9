"""Archives: what was pruned can be read again, and replayed."""

import json
from pathlib import Path
from unittest import mock

import pytest

from workflows.api import InvalidInput, export_history, get_run, replay_history
from workflows.engine import archive as module
from workflows.engine.archive import Archive, is_archive, read_archive
from workflows.tests.builders import driven
from workflows.tests.emitting import saying
from workflows.tests.flows import greet_once, greet_three

pytestmark = pytest.mark.django_db
ENDINGS = ["jsonl", "jsonl.gz", "jsonl.zst"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_run_in_an_archive_is_as_it_is_exported_and_says_how_it_ended(
    tmp_path: Path, ending: str
) -> None:
    file = tmp_path / f"old.{ending}"
    first, second = driven(greet_once, name="Ann"), driven(greet_three)
    exported = [export_history(each.id) for each in (first, second)]

    archive = Archive(file)
    for each in (first, second):
        archive.write([each.id])
    archive.close()

    found = list(read_archive(file))
    outcomes = [each.pop("outcome") for each in found]
    assert found == exported
    assert outcomes[0]["output"] == "Hello, Ann"
    assert outcomes[0]["finished_at"] == get_run(first.id).finished_at.isoformat()  # type: ignore[union-attr]
    assert [replay_history(each) for each in found] == [None, None]


def test_what_its_steps_emitted_is_kept(tmp_path: Path) -> None:
    run = driven(saying, words=["so", "it"])
    archive = Archive(tmp_path / "old.jsonl")
    archive.write([run.id])
    archive.close()

    [found] = read_archive(tmp_path / "old.jsonl")

    assert [(each["step"], each["number"], each["value"]) for each in found["stream"]] == [
        ("say", 1, "so"),
        ("say", 2, "it"),
    ]
    assert replay_history(found) is None


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_that_was_cut_short_is_read_up_to_the_last_whole_batch(
    tmp_path: Path, ending: str
) -> None:
    file = tmp_path / f"old.{ending}"
    run = driven(greet_once, name="Ann")
    archive = Archive(file)
    archive.write([run.id])
    whole = file.stat().st_size
    archive.write([run.id])
    archive.close()
    file.write_bytes(file.read_bytes()[: whole + 30])

    found = []
    with pytest.raises((EOFError, InvalidInput, OSError)) if ending != "jsonl.zst" else _calm():
        for each in read_archive(file):
            found.append(each["run"])

    assert found == [str(run.id)]


def _calm() -> "mock._patch[object]":
    return mock.patch.object(module, "json", json)


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    file = tmp_path / "old.jsonl"
    file.write_text("mine\n")

    with pytest.raises(InvalidInput, match="File exists; give the name of a new file"):
        Archive(file)

    assert file.read_text() == "mine\n"


@pytest.mark.parametrize("name", ["old.json", "old", "old.jsonl.bz2", "old.zst"])
def test_a_name_says_how_it_is_written(tmp_path: Path, name: str) -> None:
    assert not is_archive(tmp_path / name)
    with pytest.raises(InvalidInput, match=r"its name ends with \.jsonl\.zst"):
        Archive(tmp_path / name)


def test_without_the_package_zst_says_what_to_install(tmp_path: Path) -> None:
    with (
        mock.patch.object(module, "zstandard", None),
        pytest.raises(InvalidInput, match=r"django-durable-workflows\[zstd\]"),
    ):
        Archive(tmp_path / "old.jsonl.zst")

    assert list(tmp_path.iterdir()) == []


def test_a_line_that_is_no_run_is_told(tmp_path: Path) -> None:
    file = tmp_path / "old.jsonl"
    file.write_text("nonsense\n")

    with pytest.raises(InvalidInput, match=r"old\.jsonl"):
        list(read_archive(file))
