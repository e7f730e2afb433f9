"""Runs whose values are encrypted: nothing of them can be read in the tables, and all goes on as before."""

import json
from base64 import b64encode
from typing import Any

import pytest

from workflows.api import (
    Context,
    HistoryKind,
    InvalidInput,
    KeyConflict,
    PayloadUnreadable,
    RetryPolicy,
    RunState,
    cancel,
    export_history,
    get_history,
    get_run,
    get_schedule,
    heartbeat,
    list_runs,
    list_steps,
    put_schedule,
    replay_history,
    result,
    retry_now,
    send_event,
    start,
    start_many,
    step,
    trigger_schedule,
    wait_for,
    workflow,
)
from workflows.models import Run
from workflows.testing import advance, crash_everywhere, drive_until_idle
from workflows.tests.builders import driven
from workflows.tests.encrypted import NEW, OLD, SECRET, keys, stored

pytestmark = pytest.mark.django_db


@step
def whisper(word: str) -> str:
    """Say it back."""
    heartbeat({"heard": word})
    return f"{word}!"


@step(retry=RetryPolicy(attempts=1))
def stumble(word: str) -> None:
    """Fail, and tell of it."""
    raise ValueError(f"cannot say {word}")


@workflow("tests.secret_child")
def secret_child(run: Context, word: str) -> str:
    """Hand it back."""
    return run.step(whisper, word)


@workflow("tests.secret")
def secret(run: Context, word: str, other: str = SECRET) -> list[Any]:
    """Use all that is kept."""
    run.data["heard"] = word
    first = run.step(whisper, word)
    child = run.start_child(secret_child, word=word).result()
    event = run.wait_event("go")
    run.progress(1, 2, word)
    return [first, child, event, other]


@workflow("tests.secret_failure")
def secret_failure(run: Context, word: str) -> None:
    """Fail in a step."""
    run.step(stumble, word)


@workflow("tests.secret_chain")
def secret_chain(run: Context, word: str, hops: int = 2) -> str:
    """Go on as another, and keep what was kept."""
    run.data["word"] = word
    if hops:
        run.continue_as_new(word=word, hops=hops - 1)
    event = run.wait_event("go")
    return f"{run.data['word']} {event}"


@workflow("tests.secret_wait")
def secret_wait(run: Context, word: str) -> Any:
    """A step, a wait, a step."""
    run.step(whisper, word)
    event = run.wait_event("go")
    return run.step(whisper, event)


def finished(workflow: Any = secret) -> Any:
    """Run it to its end."""
    run = driven(workflow, word=SECRET)
    send_event(run.id, "go", SECRET)
    drive_until_idle()
    return get_run(run.id)


def test_no_value_can_be_read_in_the_tables() -> None:
    with keys(NEW):
        run = finished()
        failed = driven(secret_failure, word=SECRET)

        assert run.output == [f"{SECRET}!", f"{SECRET}!", SECRET, SECRET]
        assert run.data == {"heard": SECRET}
        assert run.progress is not None and run.progress["note"] == SECRET
        assert failed.error is not None and SECRET in failed.error["message"]
        assert SECRET not in stored()
        assert failed.error["type"] in stored()


def test_a_failure_is_found_by_its_type_but_not_by_what_stands_in_its_text() -> None:
    with keys(NEW):
        failed = driven(secret_failure, word=SECRET)

        assert [run.id for run in list_runs(error="StepFailed")] == [failed.id]
        assert list_runs(error="e") != []
        assert list_runs(error="=") == []


def test_history_and_steps_are_told_as_they_were() -> None:
    with keys(NEW):
        run = finished()

        [done, *_] = [
            each for each in get_history(run.id) if each.kind == HistoryKind.STEP_COMPLETED
        ]
        assert done.data["output"] == f"{SECRET}!"
        assert list_steps(run.id)[0].state == "completed"


def test_a_chain_takes_its_values_along() -> None:
    with keys(NEW):
        run = start(secret_chain, word=SECRET)
        drive_until_idle()
        send_event(run.id, "go", "now")
        drive_until_idle()

        assert result(run.id) == f"{SECRET} now"
        assert SECRET not in stored()


def test_the_newest_key_writes_and_the_old_one_reads_in_the_middle_of_a_run() -> None:
    with keys(OLD):
        run = driven(secret_wait, word=SECRET)
    with keys(OLD, NEW):
        send_event(run.id, "go", SECRET)
        drive_until_idle()

        assert result(run.id) == f"{SECRET}!"
        assert "2026-10:" in stored()
        assert "2026-11:" in stored()


def test_rows_from_before_the_codec_are_read_as_they_are() -> None:
    with keys():
        run = driven(secret_wait, word="plain")
    with keys(NEW):
        send_event(run.id, "go", SECRET)
        drive_until_idle()

        assert result(run.id) == f"{SECRET}!"
        assert SECRET not in stored()


@pytest.mark.parametrize("wrong", [{}, OLD, {"2026-11": b64encode(b"x" * 32).decode()}])
def test_without_its_key_a_run_waits_and_goes_on_when_the_key_is_back(
    wrong: dict[str, str],
) -> None:
    with keys(NEW):
        run = driven(secret_wait, word=SECRET)
        send_event(run.id, "go", SECRET)
    with keys(wrong):
        drive_until_idle()
        seen = get_run(run.id)
        [line] = [each for each in get_history(run.id) if each.kind == HistoryKind.CODE_AWAITED]

        assert seen.state == RunState.WAITING
        assert line.name == "key 2026-11"
    with keys(NEW):
        advance(60)

        assert result(run.id) == f"{SECRET}!"


def test_a_run_whose_key_stays_away_is_blocked_with_the_reason_and_retried() -> None:
    with keys(NEW):
        run = driven(secret_wait, word=SECRET)
        send_event(run.id, "go", SECRET)
    with keys():
        drive_until_idle()
        advance(2 * 3600)

        seen = get_run(run.id)
        assert seen.state == RunState.BLOCKED
        assert seen.error is not None and "2026-11" in seen.error["message"]
    with keys(NEW):
        assert retry_now(run.id)
        drive_until_idle()
        assert result(run.id) == f"{SECRET}!"


def test_without_the_key_values_are_shown_as_encrypted() -> None:
    with keys(NEW):
        run = finished()
        failed = driven(secret_failure, word=SECRET)
    with keys():
        seen, error = get_run(run.id), get_run(failed.id).error

        assert seen.input == seen.output == seen.data == {"encrypted": "2026-11"}
        assert error is not None and error["message"] == "(encrypted with key '2026-11')"
        with pytest.raises(PayloadUnreadable, match="2026-11"):
            result(run.id)
        with pytest.raises(PayloadUnreadable, match="2026-11"):
            wait_for(run.id, data="heard")


def test_who_may_not_see_values_is_shown_none() -> None:
    with keys(NEW):
        run = finished()

        assert get_run(run.id, decrypt=False).output == {"encrypted": "2026-11"}
        lines = [str(each.data) for each in get_history(run.id, decrypt=False)]
        assert SECRET not in "".join(lines)


def test_a_value_does_not_open_in_another_runs_row() -> None:
    with keys(NEW):
        one, other = finished(), finished()
        moved = Run.objects.values_list("output", flat=True).get(pk=one.id)
        Run.objects.filter(pk=other.id).update(output=moved)

        with pytest.raises(PayloadUnreadable, match="moved"):
            result(other.id)


def test_keys_and_their_inputs_are_compared_as_before() -> None:
    with keys(NEW):
        first = start(secret_wait, key="a", word=SECRET)
        again = start(secret_wait, key="a", word=SECRET)
        many = start_many(secret_wait, [{"word": SECRET}], key=lambda _: "a")
        drive_until_idle()
        send_event(first.id, "go", {"of": SECRET, "n": 7}, key="e")
        send_event(first.id, "go", {"n": 7.0, "of": SECRET}, key="e")

        assert again.id == first.id
        assert many == [first.id]
        with pytest.raises(KeyConflict):
            start(secret_wait, key="a", word="another")
        with pytest.raises(KeyConflict):
            send_event(first.id, "go", "another", key="e")


def test_an_export_stays_encrypted_and_replays_with_the_key() -> None:
    with keys(NEW):
        run = finished(secret_chain)
        exported = export_history(run.continued_as or run.id)

        assert SECRET not in json.dumps(exported)
        assert replay_history(exported) is None
    with keys():
        difference = replay_history(exported)
        assert difference is not None and "2026-11" in difference.why


def test_a_run_that_is_cancelled_without_the_key_ends() -> None:
    with keys(NEW):
        run = driven(secret_wait, word=SECRET)
    with keys():
        cancel(run.id)

        assert get_run(run.id).state == RunState.CANCELLED


def test_a_schedule_keeps_its_input_and_lets_it_alone_without_the_key() -> None:
    with keys(NEW):
        put_schedule("nightly", secret_wait, every_seconds=60, input={"word": SECRET})

        assert SECRET not in stored()
        assert get_schedule("nightly").rules.input == {"word": SECRET}
    with keys():
        assert get_schedule("nightly").rules.input == {"encrypted": "2026-11"}
        with pytest.raises(InvalidInput, match="2026-11"):
            trigger_schedule("nightly")
    with keys(NEW):
        run = trigger_schedule("nightly")
        assert run.input == {"word": SECRET}
        assert SECRET not in stored()


@pytest.mark.django_db(transaction=True)
def test_every_crash_leaves_encrypted_values_whole() -> None:
    def play() -> None:
        run = start(secret, word=SECRET)
        drive_until_idle()
        send_event(run.id, "go", SECRET)
        drive_until_idle()

    with keys(NEW):
        crash_everywhere(play)
        assert SECRET not in stored()
