"""Verbs that copy, answer or replace what is encrypted: forks, updates, baggage, debounced starts, retries."""

import pytest

from workflows.api import (
    Debounce,
    HistoryKind,
    KeyConflict,
    PayloadUnreadable,
    RunState,
    UpdateFailed,
    UpdateRefused,
    execute_action,
    fork,
    get_history,
    get_run,
    list_steps,
    replay_history,
    result,
    retry,
    send_event,
    start,
    start_many,
    update,
)
from workflows.engine.history_export import export_history
from workflows.models import Event
from workflows.testing import advance, crash_everywhere, drive_until_idle
from workflows.tests.builders import driven
from workflows.tests.encrypted import NEW, OLD, SECRET, keys, stored
from workflows.tests.sealed_flows import answers, broken, hop, parent, story

pytestmark = pytest.mark.django_db


def test_a_fork_has_its_lines_sealed_for_itself_and_goes_on() -> None:
    with keys(OLD):
        origin = driven(story, word=SECRET)
    with keys(OLD, NEW):
        forked = fork(origin.id, at=3, input={"last": "corrected"})
        drive_until_idle()
        send_event(forked.id, "go", SECRET)
        drive_until_idle()

        told = [f"told {SECRET}", SECRET, "told corrected", {}]
        assert result(forked.id) == told
        assert get_run(forked.id).data == {"heard": SECRET}
        assert replay_history(export_history(forked.id)) is None
        assert SECRET not in stored()
    with keys(NEW):  # nothing of the fork needs the old key
        assert result(forked.id) == told
        [line] = [
            each for each in get_history(forked.id) if each.position == 2 and each.name == "tell"
        ]
        assert line.data["output"] == f"told {SECRET}"


def test_a_fork_of_a_chain_takes_its_notes_and_baggage_along() -> None:
    with keys(NEW):
        run = start(hop, word=SECRET, baggage={"who": SECRET})
        drive_until_idle()
        newest = get_run(run.id, newest=True)
        forked = fork(newest.id, at=1)
        drive_until_idle()
        send_event(forked.id, "go")
        drive_until_idle()

        assert result(forked.id) == [f"told {SECRET}", SECRET]
        assert get_run(forked.id).baggage == {"who": SECRET}
        assert SECRET not in stored()


def test_a_plain_run_is_forked_encrypted_and_an_encrypted_one_not_without_its_key() -> None:
    with keys():
        plain = driven(story, word="plain")
    with keys(NEW):
        forked = fork(plain.id, at=3)
        assert get_run(forked.id, decrypt=False).input == {"encrypted": "2026-11"}
        send_event(forked.id, "go", 1)
        drive_until_idle()
        assert result(forked.id)[0] == "told plain"
    with keys(), pytest.raises(PayloadUnreadable, match="2026-11"):
        fork(forked.id, at=3)


def test_answers_of_updates_are_sealed_for_who_asked() -> None:
    with keys(NEW):
        run = driven(answers, word=SECRET)

        assert update(run.id, "add", SECRET, key="u") == f"{SECRET} told {SECRET}"
        assert update(run.id, "add", SECRET, key="u") == f"{SECRET} told {SECRET}"
        with pytest.raises(KeyConflict):
            update(run.id, "add", "another", key="u")
        with pytest.raises(UpdateRefused, match=f"not {SECRET}"):
            update(run.id, "add", "bad")
        with pytest.raises(UpdateFailed, match=f"never {SECRET}"):
            update(run.id, "add", "worse")
        assert Event.objects.filter(answer__isnull=False).count() == 3
        assert SECRET not in stored()
    with keys(), pytest.raises(PayloadUnreadable, match="2026-11"):
        update(run.id, "add", SECRET, key="u")
    with keys(NEW):
        send_event(run.id, "go")
        drive_until_idle()
        assert result(run.id) == SECRET
        assert replay_history(export_history(run.id)) is None


def test_baggage_is_sealed_and_seen_by_the_run_and_its_child() -> None:
    with keys(NEW):
        broken.clear()
        one = start(parent, word=SECRET, baggage={"who": SECRET})
        [many] = start_many(story, [{"word": SECRET}], baggage={"who": SECRET})
        drive_until_idle()
        send_event(one.id, "go")
        send_event(many, "go")
        drive_until_idle()

        assert result(one.id) == SECRET + SECRET
        assert result(many)[-1] == {"who": SECRET}
        assert SECRET not in stored()
    with keys():
        assert get_run(many).baggage == {"encrypted": "2026-11"}


def test_a_failed_family_is_retried_and_the_state_of_its_child_is_seen_without_the_key() -> None:
    with keys(NEW):
        broken.append("yes")
        run = start(parent, word=SECRET, baggage={"who": "!"})
        drive_until_idle()
        assert get_run(run.id).state == RunState.FAILED
        broken.clear()
    with keys():
        [ended] = [each for each in get_history(run.id) if each.kind == HistoryKind.EVENT_RECEIVED]
        assert ended.data["payload"]["state"] == "failed"
        assert list_steps(run.id) == []
        assert retry(run.id)
    with keys(NEW):
        drive_until_idle()
        send_event(run.id, "go")
        drive_until_idle()
        assert result(run.id) == SECRET + "!"
        assert SECRET not in stored()


def test_a_debounced_start_replaces_an_encrypted_input() -> None:
    with keys(NEW):
        window = Debounce("one", 30)
        first = start(story, word="old", debounce=window)
        again = start(story, word=SECRET, debounce=window)
        advance(31)
        send_event(first.id, "go", 1)
        drive_until_idle()

        assert again.id == first.id
        assert again.input["word"] == SECRET
        assert result(first.id)[0] == f"told {SECRET}"
        assert SECRET not in stored()


def test_an_action_that_was_done_does_not_answer_without_the_key() -> None:
    with keys(NEW):
        assert execute_action("tests_tell_secret", parameters={"word": SECRET}, key="k") == SECRET
        assert execute_action("tests_tell_secret", parameters={"word": SECRET}, key="k") == SECRET
        assert SECRET not in stored()
    with keys(), pytest.raises(PayloadUnreadable, match="2026-11"):
        execute_action("tests_tell_secret", parameters={"word": SECRET}, key="k")


@pytest.mark.django_db(transaction=True)
def test_every_crash_leaves_forks_and_answers_whole() -> None:
    def play() -> None:
        run = start(story, word=SECRET, baggage={"who": SECRET})
        drive_until_idle()
        forked = fork(run.id, at=3)
        for each in (run, forked):
            send_event(each.id, "go", SECRET)
        asked = start(answers, word=SECRET)
        drive_until_idle()
        update(asked.id, "add", SECRET)
        send_event(asked.id, "go")
        drive_until_idle()

    with keys(NEW):
        crash_everywhere(play, at_most=40)
        assert SECRET not in stored()
