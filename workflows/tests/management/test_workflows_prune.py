"""The command: what it deletes, keeps in a file, and says."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import override_settings

from workflows.engine.archive import read_archive
from workflows.management.commands import workflows_prune
from workflows.models import PrunedKey
from workflows.tests.builders import driven
from workflows.tests.flows import greet_once
from workflows.tests.old_runs import ended, ids, tree

pytestmark = pytest.mark.django_db


class Terminal(StringIO):
    """An output that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def command(*arguments: str, out: StringIO | None = None) -> str:
    out = out or StringIO()
    call_command("workflows_prune", *arguments, stdout=out, stderr=out)
    return out.getvalue()


def test_it_deletes_what_ended_before_the_span() -> None:
    ended(tree)
    ended(tree)
    lately = driven(greet_once, name="Ann")

    said = command("--older-than", "30d")

    assert said == "6 runs deleted, of 2 families that are old enough\n"
    assert ids() == {lately.id}


@override_settings(WORKFLOWS={"retention": {"tests.tree": "30d"}})
def test_without_a_span_the_setting_says_what_goes() -> None:
    kept = ended(greet_once, name="Ann")
    ended(tree)

    command()

    assert ids() == {kept.id}


@override_settings(WORKFLOWS={})
def test_with_neither_it_asks_for_one() -> None:
    with pytest.raises(CommandError, match="give --older-than 30d, or set WORKFLOWS"):
        command()


def test_a_span_that_is_none_is_told() -> None:
    with pytest.raises(CommandError, match="'30' is no span of time"):
        command("--older-than", "30")


def test_a_dry_run_says_what_would_go_and_makes_no_file(tmp_path: Path) -> None:
    ended(tree)
    before = ids()
    file = tmp_path / "old.jsonl.gz"

    said = command("--older-than", "30d", "--dry-run", "--archive", str(file))

    assert said == "3 runs would be deleted, of 1 families that are old enough\n"
    assert ids() == before
    assert not file.exists()


def test_what_is_archived_fits_the_code(tmp_path: Path) -> None:
    ended(tree, key="a")
    before = ids()
    file = tmp_path / "old.jsonl.zst"

    command("--older-than", "30d", "--archive", str(file))

    assert {each["run"] for each in read_archive(file)} == {str(each) for each in before}
    out = StringIO()
    call_command("workflows_replay", str(file), stdout=out)
    assert out.getvalue() == "every history fits this code\n"


def test_an_archived_run_that_does_not_fit_is_named(tmp_path: Path) -> None:
    run = ended(greet_once, name="Ann")
    file = tmp_path / "old.jsonl"
    command("--older-than", "30d", "--archive", str(file))
    told = json.loads(file.read_text())
    told["history"][0]["name"] = "another"
    file.write_text(json.dumps(told) + "\n")
    out = StringIO()

    with pytest.raises(SystemExit):
        call_command("workflows_replay", str(file), stdout=out, stderr=out)

    assert str(run.id) in out.getvalue()


def test_where_the_file_cannot_be_made_nothing_is_deleted(tmp_path: Path) -> None:
    ended(tree)

    with pytest.raises(CommandError, match="what was not archived is still there"):
        command("--older-than", "30d", "--archive", str(tmp_path / "no/old.jsonl"))

    assert len(ids()) == 3


def test_a_terminal_gets_a_bar_and_a_pipe_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflows_prune, "SAY_EVERY_SECONDS", 0.0)
    ended(tree)
    assert "\r[####" in command("--older-than", "30d", out=Terminal())

    ended(tree)
    [line, _] = command("--older-than", "30d").splitlines()
    assert line == "100%: 1 of 1 families, 3 runs"


@override_settings(WORKFLOWS={"keep_keys": "1s"})
def test_it_forgets_keys_that_were_kept_long_enough() -> None:
    PrunedKey.objects.create(workflow="w", key="k", run_id=ended(tree).id, state="completed")
    PrunedKey.objects.update(pruned_at="2020-01-01T00:00:00Z")

    command("--older-than", "3000d")

    assert not PrunedKey.objects.exists()
