"""manage.py workflows: what each subcommand prints, in text and as JSON, and how it ends."""

import json
import sys
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from workflows.api import HistoryKind, RunState, get_history, get_run, list_runs, start
from workflows.command_line import screen
from workflows.management.commands.workflows import DEEDS, Command
from workflows.store import state_counts
from workflows.testing import drive_until_idle
from workflows.tests.builders import driven
from workflows.tests.encrypted import NEW, SECRET, keys
from workflows.tests.flows import greet_once, greet_three, wait_for_go

pytestmark = pytest.mark.django_db


class Terminal(StringIO):
    """Something that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def command(*arguments: object, out: StringIO | None = None) -> str:
    out = out or StringIO()
    call_command("workflows", *map(str, arguments), stdout=out)
    return out.getvalue()


def answers(*arguments: object) -> list[Any]:
    return [json.loads(line) for line in command(*arguments, "--json").splitlines()]


def refused(*arguments: object) -> CommandError:
    with pytest.raises(CommandError) as refusal:
        command(*arguments)
    return refusal.value


def answer_with(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(text))


def test_list_prints_the_runs_that_a_filter_finds_the_newest_first() -> None:
    first, second = driven(greet_once, name="Ann"), driven(greet_once, name="Ben")
    driven(greet_three)

    said = command("list", "--workflow", "tests.greet").splitlines()

    assert said[0].split() == ["id", "workflow", "state", "what", "created", "took"]
    assert [line.split()[:3] for line in said[1:]] == [
        [str(each.id), "tests.greet", "completed"] for each in (second, first)
    ]


def test_list_goes_on_behind_a_run_and_says_how() -> None:
    first, second = driven(greet_once, name="Ann"), driven(greet_once, name="Ben")

    said = command("list", "--limit", 1)
    older = answers("list", "--after", second.id)

    assert f"older ones: --after {second.id}" in said
    assert [each["id"] for each in older] == [str(first.id)]


def test_list_in_json_is_a_line_for_each_run() -> None:
    run = start(wait_for_go, owner="ann", tags=["night"])
    drive_until_idle()

    [told] = answers("list", "--owner", "ann", "--tag", "night", "--state", "waiting,pending")

    assert told["id"] == str(run.id)
    assert (told["state"], told["waiting_for"], told["tags"]) == ("waiting", ["go"], ["night"])
    assert told["created_at"] == run.created_at.isoformat()


def test_list_says_where_nothing_matches() -> None:
    assert command("list", "--key", "nobody's") == "no run matches\n"


def test_show_prints_facts_steps_and_why() -> None:
    run = driven(greet_once, name="Ann")

    said = command("show", run.id)

    assert "workflow     tests.greet version 1\n" in said
    assert 'input        {"name": "Ann"}\n' in said
    assert "1   greet  completed" in said


def test_show_in_json_has_all_of_the_run() -> None:
    run = driven(greet_once, name="Ann")

    [told] = answers("show", run.id)

    assert (told["input"], told["output"]) == ({"name": "Ann"}, "Hello, Ann")
    assert [step["name"] for step in told["steps"]] == ["greet"]
    assert told["why"]["cause"] == "over"


def test_timeline_prints_history() -> None:
    run = driven(greet_three)

    lines = answers("timeline", run.id)
    said = command("timeline", run.id).splitlines()

    assert [line["kind"] for line in lines] == [line.kind for line in get_history(run.id)]
    assert "step_completed" in said[1] and "Hello, Alice" in said[1]


def test_why_says_what_a_run_waits_for() -> None:
    run = driven(wait_for_go)

    assert "waits for" in command("why", run.id)
    assert answers("why", run.id)[0]["cause"] == "event"


def test_text_of_users_cannot_steer_the_terminal() -> None:
    run = driven(greet_once, name="\x1b[2J\u202eAnn")

    for out in (StringIO(), Terminal()):
        said = command("--no-color", "show", run.id, out=out)
        assert "\x1b[2J" not in said
        assert "\u202e" not in said


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_what_is_encrypted_is_shown_on_demand_only(as_json: list[str]) -> None:
    with keys(NEW):
        run = driven(greet_once, name=SECRET)
        for verb in ("show", "timeline"):
            closed, opened = (
                command(verb, run.id, *as_json, *each) for each in ([], ["--decrypt"])
            )
            assert SECRET not in closed and "2026-11" in closed
            assert SECRET in opened


@pytest.mark.parametrize(
    ("verb", "now"),
    [("cancel", RunState.CANCELLED), ("pause", RunState.PAUSED), ("retry", RunState.WAITING)],
)
def test_a_verb_on_one_run_is_kept_with_who_and_why(verb: str, now: RunState) -> None:
    run = driven(wait_for_go, timeout_seconds=60)

    command(verb, run.id, "--by", "ann", "--reason", "a test")
    drive_until_idle()

    assert get_run(run.id).state == now
    asked = [line.data for line in get_history(run.id) if line.data.get("by") == "ann"]
    assert [(each["reason"], each["via"]) for each in asked] == [("a test", "manage.py workflows")]


def test_whoever_says_nothing_is_the_user_of_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "bea")
    run = driven(wait_for_go)

    command("cancel", run.id)

    assert "bea" in [line.data.get("by") for line in get_history(run.id)]


def test_resume_lets_a_paused_run_go_on() -> None:
    run = driven(wait_for_go)
    command("pause", run.id)

    command("resume", run.id)

    assert get_run(run.id).state == RunState.WAITING


def test_a_run_in_no_state_for_a_verb_is_refused_in_a_sentence() -> None:
    run = driven(greet_once, name="Ann")

    refusal = refused("cancel", run.id)

    assert str(refusal) == f"run {run.id} is completed, which is no state to cancel it in"
    assert refusal.returncode == 1


def test_what_is_not_there_ends_with_1_and_what_is_not_said_with_2() -> None:
    nobody = uuid4()

    assert str(refused("show", nobody)) == f"no run {nobody}"
    assert refused("show", nobody).returncode == 1
    assert refused("cancel").returncode == 2
    assert "--state failed" in str(refused("cancel"))


def test_a_verb_on_many_counts_asks_and_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [driven(wait_for_go) for _ in range(3)]
    answer_with(monkeypatch, "y\n")

    said = command("cancel", "--workflow", "tests.wait", "--state", "waiting")

    assert said == "3 cancelled, 0 refused, 0 had moved on\n"
    assert {get_run(run.id).state for run in runs} == {RunState.CANCELLED}


def test_who_answers_no_has_done_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    run = driven(wait_for_go)
    answer_with(monkeypatch, "\n")

    assert str(refused("cancel", "--workflow", "tests.wait")) == "nothing was done"
    assert get_run(run.id).state == RunState.WAITING


def test_without_a_person_many_are_steered_with_yes_only(monkeypatch: pytest.MonkeyPatch) -> None:
    run, other = driven(wait_for_go), driven(wait_for_go)
    monkeypatch.setattr(sys, "stdin", StringIO(""))

    refusal = refused("cancel", run.id, other.id)
    [told] = answers("cancel", run.id, other.id, "--yes")

    assert refusal.returncode == 2 and "give --yes" in str(refusal)
    assert (told["matched"], told["done"]) == (2, 2)


def test_a_dry_run_only_counts() -> None:
    run = driven(wait_for_go)

    said = command("cancel", "--workflow", "tests.wait", "--dry-run")

    assert said == "1 runs match; nothing was done\n"
    assert get_run(run.id).state == RunState.WAITING


def test_where_some_refuse_it_ends_with_1_and_says_how_many() -> None:
    driven(greet_once, name="Ann")
    driven(wait_for_go)

    refusal = refused("cancel", "--created-since", "1h", "--yes")

    assert refusal.returncode == 1 and str(refusal).startswith("1 runs refused to cancel")


def test_start_reads_parameters_as_the_code_says() -> None:
    [told] = answers("start", "tests.greet", "name=7", "--key", "seven", "--owner", "ann")

    run = get_run(told["id"])
    assert (run.input, run.key, run.owner) == ({"name": "7"}, "seven", "ann")


def test_start_takes_an_object() -> None:
    command("start", "tests.wait", "--input", '{"timeout_seconds": 60}')

    [run] = list_runs()
    assert run.input == {"timeout_seconds": 60.0}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["tests.nothing"], "tests.nothing"),
        (["tests.greet"], "name"),
        (["tests.greet", "Ann"], "give a JSON object, or name=value"),
        (["tests.greet", "--input", "{"], "is no JSON"),
    ],
)
def test_start_says_what_does_not_fit(arguments: list[str], words: str) -> None:
    refusal = refused("start", *arguments)

    assert words in str(refusal) and refusal.returncode == 1
    assert list_runs() == []


def test_send_hands_an_event_to_a_run() -> None:
    run = driven(wait_for_go)

    command("send", run.id, "go", "--payload", '{"n": 1}', "--by", "ann")
    drive_until_idle()

    assert get_run(run.id).output == {"n": 1}
    received = [line for line in get_history(run.id) if line.kind == HistoryKind.EVENT_RECEIVED]
    assert [line.data["by"] for line in received] == ["ann"]


def test_send_refuses_what_is_no_json() -> None:
    assert "--payload is no JSON" in str(
        refused("send", driven(wait_for_go).id, "go", "--payload", "{")
    )


def test_fork_goes_on_from_a_position_with_another_input() -> None:
    run = driven(greet_once, name="Ann")

    [told] = answers("fork", run.id, "--at", 1, "--input", "name=Ben", "--reason", "a test")
    drive_until_idle()

    assert get_run(told["id"]).output == "Hello, Ben"
    assert told["forked_from"] == str(run.id)


def test_stats_count_by_state() -> None:
    driven(wait_for_go)
    driven(greet_once, name="Ann")
    start(greet_once, name="Ben")

    [told] = answers("stats")
    said = command("stats")

    assert (told["states"]["waiting"], told["states"]["completed"], told["due"]) == (1, 1, 1)
    assert "1 due, the oldest for" in said and "nothing failed in the last 1h" in said


def test_stats_say_what_each_count_is_worth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_counts, "MOST_COUNTED", 1)
    for _ in range(2):
        driven(wait_for_go)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE workflows_run")

    [told] = answers("stats")

    assert (told["states"]["waiting"], told["at_least"]) == (1, ["waiting"])
    assert told["about"] == ["completed"]
    assert "1+" in command("stats") and "about 0" in command("stats")


def test_stats_refuse_what_is_no_span() -> None:
    assert refused("stats", "--since", "often").returncode == 2


def test_top_prints_so_many_looks() -> None:
    run = start(greet_once, name="Ann")

    said = command("top", "--times", 2, "--seconds", 0.1)
    looks = answers("top", "--times", 1)

    assert said.count(str(run.id)) == 2
    assert [each["id"] for each in looks[0]["next"]] == [str(run.id)]


@pytest.mark.skipif(screen.drawn is None, reason="rich is not installed")
def test_on_a_terminal_it_is_drawn_and_NO_COLOR_takes_the_colours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = driven(greet_once, name="Ann")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")

    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured = command("list", out=Terminal())
    monkeypatch.setenv("NO_COLOR", "1")
    plain = command("list", out=Terminal())

    assert "\x1b[32m" in coloured and "\x1b[32m" not in plain
    assert str(run.id) in coloured and str(run.id) in plain


@pytest.mark.skipif(screen.drawn is None, reason="rich is not installed")
def test_top_is_drawn_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    run = start(greet_once, name="Ann")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "xterm")

    assert str(run.id) in command("top", "--times", 1, out=Terminal())


def test_without_rich_a_terminal_gets_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    run = driven(greet_once, name="Ann")
    monkeypatch.setattr(screen, "drawn", None)

    assert "\x1b" not in command("show", run.id, out=Terminal())


def test_every_subcommand_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    for name in DEEDS:
        with pytest.raises(SystemExit) as end:
            command(name, "--help")
        assert end.value.code == 0
        assert "--json" in capsys.readouterr().out


def test_a_wrong_command_line_ends_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    for wrong in (["wander"], ["show"], ["list", "--created-since", "soon"]):
        with pytest.raises(SystemExit) as end:
            Command().run_from_argv(["manage.py", "workflows", *wrong])

        assert end.value.code == 2
    assert "'soon' is no time" in capsys.readouterr().err
