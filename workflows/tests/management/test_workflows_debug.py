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
