"""The command that a deploy asks: does this code fit what runs, and what has run?"""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from workflows.api import Context, step, workflow
from workflows.tests.builders import driven
from workflows.tests.flows import greet

pytestmark = pytest.mark.django_db
deployed = {"step": "greet"}


@pytest.fixture(autouse=True)
def old_code() -> None:
    deployed.update(step="greet")


@step
def say_goodbye() -> None: ...


@workflow("tests.replayed_by_command")
def replayed(run: Context) -> None:
    if deployed["step"] == "greet":
        run.step(greet, "Ann")
    else:
        run.step(say_goodbye)
    run.wait_event("go")


def command(*arguments: str) -> tuple[int, str]:
    """Run workflows_replay; return its exit code and what it said."""
    out = StringIO()
    try:
        call_command("workflows_replay", *arguments, stdout=out, stderr=out)
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue()
    return 0, out.getvalue()


def test_the_command_exits_with_1_on_any_difference(tmp_path: Path) -> None:
    run = driven(replayed)
    file = tmp_path / "history.json"
    file.write_text(command("--export", str(run.id))[1])

    fits = command("--check", str(file))
    deployed["step"] = "say_goodbye"
    differs = command("--check", str(file))

    assert fits == (0, "every history fits this code\n")
    assert differs[0] == 1
    assert differs[1].count("position 1 is step 'say_goodbye'") == 2
    assert "2 runs do not fit" in differs[1]


def test_the_command_takes_a_folder_of_histories(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.json").write_text(command("--export", str(driven(replayed).id))[1])

    fits = command(str(tmp_path))
    deployed["step"] = "say_goodbye"
    differs = command(str(tmp_path))

    assert fits == (0, "every history fits this code\n")
    assert differs[0] == 1
    assert "2 runs do not fit this code" in differs[1]


def test_a_folder_without_histories_proves_nothing(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"there is no history \(\*\.json\) in this folder"):
        call_command("workflows_replay", str(tmp_path))


@pytest.mark.parametrize("arguments", [[], ["--export", "nonsense"], ["/no/such/file.json"]])
def test_the_command_says_what_is_wrong_with_its_arguments(arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        call_command("workflows_replay", *arguments)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", "[" * 100_000, '{"format": 9}'])
def test_a_file_that_holds_no_history_is_named_with_the_reason(text: str, tmp_path: Path) -> None:
    file = tmp_path / "spoilt.json"
    file.write_text(text)

    with pytest.raises(CommandError, match=r"spoilt\.json: "):
        call_command("workflows_replay", str(file))
