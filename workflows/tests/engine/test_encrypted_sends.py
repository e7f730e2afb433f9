"""What runs hand to each other is encrypted for whoever gets it: sent events, next tries, children kept, streams."""

import json
from pathlib import Path

import pytest

from workflows.api import (
    Cause,
    PayloadUnreadable,
    RetryRefused,
    RunFailed,
    RunState,
    get_run,
    read_stream,
    result,
    retry,
    send_event,
    start,
    why,
)
from workflows.core.history import HistoryKind
from workflows.engine.archive import Archive
from workflows.engine.history_export import export_history
from workflows.models import Chunk, Event, History, Run
from workflows.testing import advance, crash_everywhere, drive_until_idle, replay_history, stream_of
from workflows.tests.builders import driven
from workflows.tests.encrypted import NEW, OLD, SECRET, keys, stored
from workflows.tests.sealed_flows import (
    family,
    hop,
    keeper,
    speaker,
    story,
    teller,
    tries,
)

pytestmark = pytest.mark.django_db


def test_what_a_run_sends_is_sealed_for_the_receiver_and_read_by_it() -> None:
    with keys(NEW):
        receiver = driven(hop, word="hop")  # the second of its chain waits
        sender = driven(teller, to=str(receiver.id), word=SECRET)

        assert get_run(sender.id).state == RunState.COMPLETED
        assert result(receiver.id) == ["told hop", "hop"]
        received = History.objects.filter(kind=HistoryKind.EVENT_RECEIVED).get()
        assert received.run_id == get_run(receiver.id, newest=True).id
        assert SECRET not in stored()
        for each in (sender, received.run):
            replay_history(export_history(each.id))


def test_a_key_is_known_along_the_chain_whatever_encrypts_it() -> None:
    with keys(OLD):
        receiver = driven(story, word="story")
        first = driven(teller, to=str(receiver.id), word=SECRET, known="k")
    with keys(OLD, NEW):
        again = driven(teller, to=str(receiver.id), word=SECRET, known="k")
        other = driven(teller, to=str(receiver.id), word="another", known="k")

        assert [get_run(each.id).state for each in (first, again)] == [RunState.COMPLETED] * 2
        assert (get_run(other.id).error or {})["type"].endswith("KeyConflict")
        assert Event.objects.filter(key="k").count() == 1
        assert SECRET not in stored()


def test_a_run_that_cannot_compare_what_is_known_waits_for_the_key() -> None:
    with keys(OLD):
        receiver = driven(story, word="story")
        send_event(receiver.id, "go", SECRET, key="k")
    with keys(NEW):
        sender = driven(teller, to=str(receiver.id), word=SECRET, known="k")
        reason = why(sender.id)

        assert (reason.cause, get_run(sender.id).state) == (Cause.KEY, RunState.WAITING)
        assert "'2026-10'" in reason.sentence
    with keys(OLD, NEW):
        advance(31)
        drive_until_idle()
        assert get_run(sender.id).state == RunState.COMPLETED
        assert SECRET not in stored()


@pytest.mark.parametrize("books", [False, True])
def test_the_next_try_reads_what_the_one_before_it_was_given_and_has_kept(books: bool) -> None:
    with keys(NEW):
        run = start(tries, word=SECRET, books=books, baggage={"who": SECRET})
        drive_until_idle()
        newest = get_run(run.id, newest=True)
        assert (newest.id != run.id, newest.failed_tries) == (True, 1)
        assert (get_run(run.id).error or {})["message"] == f"no {SECRET}"
        assert SECRET not in stored()
        send_event(run.id, "go", SECRET)
        drive_until_idle()

        assert result(run.id) == [SECRET, SECRET, {"who": SECRET}, SECRET]
        assert SECRET not in stored()
        replay_history(export_history(run.id))
        replay_history(export_history(newest.id))


def test_a_child_that_is_kept_tells_the_next_run_of_its_end() -> None:
    with keys(NEW):
        run = driven(keeper, word=SECRET)
        child = Run.objects.get(workflow="tests.sealed_story")
        send_event(child.pk, "go", SECRET)
        drive_until_idle()

        assert result(run.id) == [f"told {SECRET}", SECRET, f"told {SECRET}", {}]
        assert SECRET not in stored()


def test_whether_a_run_failed_of_a_child_is_not_guessed_without_the_key() -> None:
    with keys(NEW):
        run = driven(family, word=SECRET)
        with pytest.raises(RetryRefused, match="cannot go on"):
            retry(run.id)
        assert SECRET not in stored()
    with keys(), pytest.raises(PayloadUnreadable, match="2026-11"):
        retry(run.id)


def test_why_tells_what_may_be_told_of_an_error() -> None:
    with keys(NEW):
        run = driven(family, word=SECRET)
        assert SECRET in why(run.id).sentence
        told = why(run.id, decrypt=False).sentence
    with keys():
        assert why(run.id).sentence == told
    assert "ChildFailed: (encrypted with key '2026-11')" in told
    with keys(NEW), pytest.raises(RunFailed, match=SECRET):
        result(run.id)


def test_chunks_are_sealed_and_read_with_the_key_alone() -> None:
    with keys(OLD):
        run = driven(speaker, word=SECRET)
    with keys(OLD, NEW):
        assert [chunk.value for chunk in read_stream(run.id)] == [SECRET, {"word": SECRET}] * 2
        assert SECRET not in stored()
    with keys(NEW), pytest.raises(PayloadUnreadable, match="2026-10"):
        list(read_stream(run.id, timeout_seconds=0))
    with keys(OLD):
        Chunk.objects.filter(run_id=run.id, sequence=1).update(
            value=Chunk.objects.get(run_id=run.id, sequence=2).value
        )
        with pytest.raises(PayloadUnreadable, match="changed or moved"):
            stream_of(run.id)


def test_an_archive_has_the_stream_as_it_is_stored_and_says_its_places(tmp_path: Path) -> None:
    file = tmp_path / "runs.jsonl"
    with keys(NEW):
        run = driven(speaker, word=SECRET)
        archive = Archive(file)
        archive.write([run.id])
        archive.close()

        [found] = [json.loads(line) for line in file.read_text().splitlines()]
        assert SECRET not in file.read_text()
        cursors = [chunk.cursor for chunk in read_stream(run.id, timeout_seconds=0)]
    assert [each["cursor"] for each in found["stream"]] == cursors[:2]
    assert [list(each["value"]) for each in found["stream"]] == [["$sealed"]] * 2


@pytest.mark.django_db(transaction=True)
def test_every_crash_leaves_sends_and_tries_whole() -> None:
    def play() -> None:
        run = start(tries, word=SECRET, books=True)
        drive_until_idle()
        start(teller, to=str(run.id), word=SECRET)
        start(speaker, word=SECRET)
        drive_until_idle()

    with keys(NEW):
        crash_everywhere(play, at_most=40)
        assert SECRET not in stored()
