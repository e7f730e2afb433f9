"""manage.py workflows_debug chooses how to look: at a prompt, in another debugger, or as a transcript.

What each shows is tested in workflows/tests/engine/debugging.
"""

from io import StringIO
from unittest import mock

import pytest
from django.core.management import call_command

from workflows.api import RunView, get_run, start
from workflows.tests.flows import wait_for_go

pytestmark = pytest.mark.django_db


def debug(run: RunView, *arguments: str, stdin: StringIO | None = None) -> str:
    out = StringIO()
    options = {} if stdin is None else {"stdin": stdin}
    call_command("workflows_debug", str(run.id), *arguments, stdout=out, **options)
    return out.getvalue()


def test_without_a_terminal_it_writes_a_transcript() -> None:
    with mock.patch("sys.stdin", StringIO("quit\n")):
        said = debug(start(wait_for_go))

    assert "HISTORY ENDS HERE. Next: wait 'go' begins" in said
    assert "(workflow)" not in said


class Terminal(StringIO):
    """What a person types."""

    def isatty(self) -> bool:
        return True


def test_at_a_terminal_pdb_has_its_own_streams(capsys: pytest.CaptureFixture[str]) -> None:
    run = start(wait_for_go, timeout_seconds=60.0)

    with mock.patch("sys.stdin", Terminal("p timeout_seconds\nquit\n")):
        call_command("workflows_debug", str(run.id))

    said = capsys.readouterr().out
    assert "position 1: wait 'go'" in said
    assert "(workflow) 60.0" in said
    assert said.endswith("nothing was run, nothing was written\n")


def test_at_a_prompt_it_says_what_can_be_typed() -> None:
    said = debug(start(wait_for_go), stdin=StringIO("quit\n"))

    assert "next operation" in said and "(workflow)" in said


def test_no_input_stops_nowhere() -> None:
    said = debug(start(wait_for_go), "--no-input", stdin=StringIO("quit\n"))

    assert "(workflow)" not in said


def test_a_run_is_as_it_was() -> None:
    run = start(wait_for_go)

    debug(run, stdin=StringIO("end\n"))

    assert get_run(run.id) == run
