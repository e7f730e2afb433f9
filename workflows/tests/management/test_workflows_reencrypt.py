"""The command: what it writes anew, and says."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from workflows.api import get_run
from workflows.management.commands import workflows_reencrypt
from workflows.tests.builders import driven
from workflows.tests.encrypted import NEW, OLD, SECRET, keys, stored
from workflows.tests.flows import greet_once

pytestmark = pytest.mark.django_db


def command(*arguments: str) -> str:
    out = StringIO()
    call_command("workflows_reencrypt", *arguments, stdout=out, stderr=out)
    return out.getvalue()


def test_it_tells_what_it_has_written_of_each_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflows_reencrypt, "SAY_EVERY_SECONDS", 0.0)
    with keys():
        run = driven(greet_once, name=SECRET)
    with keys(NEW):
        would = command("--dry-run")
        assert SECRET in stored()
        did = command()
        assert SECRET not in stored()
        again = command()

        assert "runs: 1 of 1 would be encrypted with key '2026-11'\n" in would
        assert "… runs: 1 of 1 looked at, 1 written\n" in did
        assert "runs: 1 of 1 encrypted with key '2026-11'\n" in did
        assert "lines of history: 0 of 2 encrypted" in again
        assert get_run(run.id).input == {"name": SECRET}


def test_a_key_that_is_not_here_is_told_and_nothing_is_lost() -> None:
    with keys(OLD):
        driven(greet_once, name=SECRET)
        before = stored()
    with keys(NEW), pytest.raises(CommandError, match=r"2 rows need key '2026-10'.*stay as they"):
        command()
    assert stored() == before


def test_without_a_codec_it_says_what_to_do() -> None:
    with keys(), pytest.raises(CommandError, match=r"WORKFLOWS\[.codec.\] is not set"):
        command()
