"""continue_as_new: a loop without an end keeps a short history and loses nothing on the way."""

from typing import Any
from unittest import mock

import pytest

from workflows.api import (
    Context,
    InvalidInput,
    RunState,
    RunView,
    ValueNotStorable,
    cancel,
    get_run,
    list_runs,
    retry_now,
    send_event,
    start,
    step,
    workflow,
)
from workflows.core.run_ids import id_of_successor
from workflows.engine.drive.drive import drive
from workflows.engine.history_export import export_history
from workflows.models import Run
from workflows.store import continue_as_new as store_continue
from workflows.testing import advance, crash_everywhere, drive_until_idle, replay_history, send
from workflows.tests.builders import claim, driven, kinds
from workflows.tests.flows import notes, wait_for_go

pytestmark = pytest.mark.django_db


@step
def count(number: int) -> None:
    notes.note(f"count {number}")


@workflow("tests.endless")
def endless(run: Context, number: int = 0, until: int = 3) -> str:
    run.step(count, number)
    word = run.wait_event("word", timeout_seconds=60)
    if word is not None:
        notes.note(f"heard {word}")
    run.data["counted"] = number
    if number + 1 < until:
        run.continue_as_new(number=number + 1, until=until)
    return f"counted to {number}"


@workflow("tests.keeps_on")
def keeps_on(run: Context, number: int = 0) -> str:
    run.wait_event("go")
    if number == 0:
        run.continue_as_new(number=1)
    return f"ended as number {number}"


@workflow("tests.parent_of_endless")
def parent_of_endless(run: Context) -> str:
    return str(run.start_child(keeps_on).result())


@workflow("tests.endless_with_a_child")
def endless_with_a_child(run: Context, number: int = 0) -> int:
    run.start_child(wait_for_go)
    if number == 0:
        run.continue_as_new(number=1)
    return number


@workflow("tests.keeps_notes")
def keeps_notes(run: Context, number: int = 0) -> list[int]:
    """What is kept is looked at before and after something is recorded, at each replay."""
    seen = list(run.data.get("words", []))
    if number == 0:
        run.attributes["customer"] = "ann"
        run.data["words"] = []
    run.data["words"].append(number)
    run.step(count, number)
    run.wait_event("go")
    if number < 2:
        run.continue_as_new(number=number + 1)
    return seen


@workflow("tests.counts_with_children")
def counts_with_children(run: Context, number: int = 0) -> None:
    run.data["child"] = str(run.start_child(notes_its_id, number=number).id)
    run.step(count, number)
    if number < 2:
        run.continue_as_new(number=number + 1)


@workflow("tests.notes_its_id")
def notes_its_id(run: Context, number: int) -> str:
    run.step(count, number)
    return str(run.uuid())


@workflow("tests.wrongly_continued")
def wrongly_continued(run: Context, number: int) -> str:
    try:
        run.continue_as_new(nummer=1)
    except InvalidInput as refused:
        return str(refused)


UNSTORABLE: dict[str, Any] = {"text": "a\x00b", "large": "x" * 300_000}
code = {"waits": True}


@workflow("tests.continued_with_words")
def continued_with_words(run: Context, words: str = "") -> str:
    try:
        run.continue_as_new(words=UNSTORABLE[words])
    except InvalidInput as refused:
        return str(refused)


@workflow("tests.continued_with_wrong_data")
def continued_with_wrong_data(run: Context, number: int = 0) -> str:
    if number == 1:
        return "went on"
    run.data["value"] = object()
    try:
        run.continue_as_new(number=1)
    except ValueNotStorable as refused:
        run.data.clear()
        return str(refused)


@workflow("tests.grown", version=1)
def before_it_grew(run: Context) -> None:
    run.continue_as_new(since="the deploy")


@workflow("tests.grown", version=2)
def grown(run: Context, since: str) -> str:
    return since


@workflow("tests.continued_too_late", deadline_seconds=60)
def continued_too_late(run: Context) -> None:
    run.continue_as_new()


@workflow("tests.continued_too_early")
def continued_too_early(run: Context) -> None:
    if code["waits"]:
        run.wait_event("go")
    run.continue_as_new()


@workflow("tests.hurried_loop", deadline_seconds=100)
def hurried_loop(run: Context, number: int = 0) -> None:
    run.sleep(60)
    run.continue_as_new(number=number + 1)


def last_of(run: RunView) -> RunView:
    """Return the run at the end of a chain."""
    view = get_run(run.id)
    while view.continued_as is not None:
        view = get_run(view.continued_as)
    return view


def test_the_loop_goes_on_as_new_runs_with_short_histories() -> None:
    run = driven(endless)

    advance(seconds=200)

    first, last = get_run(run.id), last_of(run)
    assert (first.state, last.state) == (RunState.COMPLETED, RunState.COMPLETED)
    assert last.output == "counted to 2"
    assert notes.done == ["count 0", "count 1", "count 2"]
    assert kinds(run.id)[-1] == "continued"
    assert (first.data, last.data) == ({"counted": 0}, {"counted": 2})


def test_data_and_attributes_go_along() -> None:
    run = driven(keeps_notes)
    send(run.id, "go")
    send(run.id, "go")
    between = [each.id for each in list_runs(attributes={"customer": "ann"}, state=["waiting"])]
    advance(seconds=1)
    send(run.id, "go")

    last = last_of(run)
    assert between == [last.id]
    assert get_run(run.id).data == {"words": [0]}
    assert last.data == {"words": [0, 1, 2]}
    assert (last.output, last.attributes) == ([0, 1], {"customer": "ann"})
    replay_history(export_history(last.id))


def test_what_went_along_is_there_from_the_first_moment() -> None:
    run = start(keeps_notes)
    send_event(run.id, "go")

    drive(claim())

    successor = last_of(run)
    assert (successor.state, successor.attempt) == (RunState.PENDING, 0)
    assert (successor.data, successor.attributes) == ({"words": [0]}, {"customer": "ann"})


def test_the_id_of_the_run_that_goes_on_follows_from_the_first() -> None:
    run = driven(endless)

    advance(seconds=61)

    continued = get_run(run.id).continued_as
    assert continued == id_of_successor(run.id)


def test_killed_anywhere_what_is_kept_goes_along() -> None:
    def play() -> None:
        run = start(keeps_notes)
        for _ in range(3):
            send_event(run.id, "go")
        drive_until_idle()

    crash_everywhere(play, at_least_once=lambda: notes.done)


def test_killed_anywhere_children_along_the_chain_are_the_same() -> None:
    def play() -> None:
        start(counts_with_children)
        drive_until_idle()

    crash_everywhere(play, at_least_once=lambda: notes.done)


def test_an_event_for_an_earlier_run_reaches_the_one_that_goes_on() -> None:
    run = driven(endless)
    advance(seconds=61)

    send(run.id, "word", "hello")

    assert "heard hello" in notes.done


def test_events_not_consumed_go_along_in_their_order() -> None:
    run = start(endless)
    for word in ("one", "two", "three"):
        send_event(run.id, "word", word, key=word)

    drive_until_idle()

    assert last_of(run).output == "counted to 2"
    assert [note for note in notes.done if "heard" in note] == [
        "heard one",
        "heard two",
        "heard three",
    ]


def test_an_event_that_comes_at_the_last_moment_goes_along() -> None:
    """After the code has asked to continue, before the statement that does."""
    run = start(keeps_on)
    send_event(run.id, "go")
    real = store_continue.continue_run
    late = [lambda: send_event(run.id, "go", key="late")]

    def continue_run(*args: Any, **kwargs: Any) -> bool:
        if late:
            late.pop()()
        return real(*args, **kwargs)

    with mock.patch.object(store_continue, "continue_run", continue_run):
        drive(claim())
    drive_until_idle()

    assert last_of(run).output == "ended as number 1"


def test_a_cancel_that_comes_at_the_last_moment_wins() -> None:
    run = start(keeps_on)
    send_event(run.id, "go")
    real = store_continue.continue_run

    def continue_run(*args: Any, **kwargs: Any) -> bool:
        cancel(run.id)
        return real(*args, **kwargs)

    with mock.patch.object(store_continue, "continue_run", continue_run):
        drive(claim())

    assert get_run(run.id).state == RunState.CANCELLED
    assert get_run(run.id).continued_as is None


def test_a_cancel_of_an_earlier_run_reaches_the_one_that_goes_on() -> None:
    run = driven(keeps_on)
    send(run.id, "go")

    assert cancel(run.id)

    assert last_of(run).state == RunState.CANCELLED


def test_a_parent_waits_for_the_end_of_the_chain() -> None:
    parent = driven(parent_of_endless)
    [child] = list_runs(parent=parent.id)

    send(child.id, "go")
    between = get_run(parent.id).state
    send(child.id, "go")

    assert between == RunState.WAITING
    assert get_run(parent.id).output == "ended as number 1"


def test_a_cancel_of_the_parent_reaches_the_run_that_goes_on() -> None:
    parent = driven(parent_of_endless)
    [child] = list_runs(parent=parent.id)
    send(child.id, "go")

    cancel(parent.id)

    assert last_of(child).state == RunState.CANCELLED


def test_children_end_before_the_run_goes_on() -> None:
    run = driven(endless_with_a_child)
    before = get_run(run.id)

    send(list_runs(parent=run.id)[0].id, "go")

    assert (before.state, before.continued_as) == (RunState.WAITING, None)
    assert get_run(run.id).continued_as is not None


def test_an_input_that_does_not_fit_is_told_to_the_code() -> None:
    assert "number" in driven(wrongly_continued, number=1).output


@pytest.mark.parametrize("words", UNSTORABLE)
def test_an_input_that_cannot_be_kept_is_told_to_the_code(words: str) -> None:
    assert driven(continued_with_words, words=words).output.startswith("continue_as_new: ")


def test_data_that_cannot_be_kept_is_told_before_the_run_goes_on() -> None:
    assert "run.data" in driven(continued_with_wrong_data).output


def test_changed_code_that_goes_on_too_early_blocks_the_run() -> None:
    run = driven(continued_too_early)

    with mock.patch.dict(code, waits=False):
        retry_now(run.id)
        drive_until_idle()

    assert get_run(run.id).state == RunState.BLOCKED
    assert get_run(run.id).continued_as is None


def test_the_input_is_that_of_the_newest_code() -> None:
    assert last_of(driven(before_it_grew)).output == "the deploy"


def test_a_run_does_not_go_on_after_its_deadline() -> None:
    run = start(continued_too_late)
    Run.objects.filter(pk=run.id).update(deadline=run.created_at)

    drive_until_idle()

    assert (get_run(run.id).state, get_run(run.id).continued_as) == (RunState.FAILED, None)


def test_the_deadline_is_that_of_the_whole_chain() -> None:
    run = driven(hurried_loop)

    advance(seconds=101)

    assert last_of(run).state == RunState.FAILED
    assert last_of(run).input == {"number": 1}


def test_the_key_stays_with_the_first_run() -> None:
    run = start(keeps_on, key="k")
    send(run.id, "go")

    again = start(keeps_on, key="k")

    assert again.id == run.id
    assert again.continued_as is not None


def test_killed_anywhere_the_loop_counts_and_hears_each_once() -> None:
    def play() -> None:
        notes.done.clear()
        run = start(endless)
        send_event(run.id, "word", "one")
        drive_until_idle()
        send(run.id, "word", "two")
        advance(seconds=200)

    crash_everywhere(play, at_least_once=lambda: notes.done)


@workflow("tests.shows_progress")
def shows_progress(run: Context, done: int = 0) -> None:
    if done == 0:
        run.progress(40, 100, "the first files")
        run.continue_as_new(done=40)
    run.wait_event("go")
    run.progress(80, 100)


def test_progress_goes_along_until_the_run_that_goes_on_says_more() -> None:
    first = driven(shows_progress)
    [goes_on] = [run for run in list_runs() if run.id != first.id]

    send(goes_on.id, "go")

    shown = {"done": 40, "total": 100, "note": "the first files"}
    assert (first.progress, goes_on.progress) == (shown, shown)
    assert get_run(goes_on.id).progress == {"done": 80, "total": 100, "note": ""}


def leave_a_note(output: int, number: int) -> None:
    notes.note(f"left {number}")


@step(compensate=leave_a_note)
def enter(number: int) -> int:
    return number


@workflow("tests.grown_careful", version=1)
def careless(run: Context, number: int = 0) -> None:
    run.continue_as_new(number=number + 1)


@workflow("tests.grown_careful", version=2, on_cancel="compensate", max_crashes=2)
def careful(run: Context, number: int = 0) -> None:
    run.step(enter, number)
    run.wait_event("go")


@workflow("tests.grown_careless", version=1, on_cancel="compensate", max_crashes=2)
def still_careful(run: Context, number: int = 0) -> None:
    run.continue_as_new(number=number + 1)


@workflow("tests.grown_careless", version=2)
def careless_by_now(run: Context, number: int = 0) -> None:
    run.step(enter, number)
    run.wait_event("go")


@pytest.mark.parametrize(
    ("before", "most", "ends"),
    [(careless, 2, RunState.COMPENSATED), (still_careful, None, RunState.CANCELLED)],
    ids=["careful now", "careless now"],
)
def test_a_newer_version_says_what_a_cancel_does_to_the_run_that_goes_on(
    before: Any, most: int | None, ends: RunState
) -> None:
    goes_on = last_of(driven(before))
    assert Run.objects.get(pk=goes_on.id).max_crashes == most

    cancel(goes_on.id)
    drive_until_idle()

    assert get_run(goes_on.id).state == ends
    assert notes.done == (["left 1"] if ends == RunState.COMPENSATED else [])
