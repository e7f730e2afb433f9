"""Moderators' verbs: the row decides at once, whatever the run is doing."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from submissions.errors import AlreadyDecided
from submissions.link_check import Code, explain_to_moderators
from submissions.models import Submission
from submissions.selectors import find_tool, free_slots
from submissions.services.moderate import approve, check_link, extend, reject, release
from submissions.states import Ended, Status
from submissions.tests.builders import (
    close_window,
    in_review,
    link_answers,
    make_board,
    moderator,
    next_try,
    outcome,
    person,
    prune_run,
    reserved,
    send,
    stop_run,
    verdict,
    without_run,
)
from submissions.too_late import NotExtended
from workflows.api import RunState, get_run, list_runs
from workflows.testing import drive_until_idle

pytestmark = pytest.mark.django_db


def test_an_approved_tool_is_published_at_once() -> None:
    submission = in_review(person("alice"), make_board())

    approve(submission_id=submission.pk, by=moderator())

    assert find_tool("querylens").pk == submission.pk


def test_a_rejected_tool_frees_its_slot_and_keeps_the_reason() -> None:
    board = make_board()
    submission = in_review(person("alice"), board, 3)

    reject(submission_id=submission.pk, reason="It is an advert.", by=moderator())

    submission.refresh_from_db()
    assert (submission.status, submission.reason_code) == (Status.REJECTED, Ended.REFUSED)
    assert submission.reason == "It is an advert."
    assert 3 in free_slots(board)


def test_only_what_is_in_review_can_be_decided() -> None:
    mona = moderator()
    submission = reserved(person("alice"), make_board())

    with pytest.raises(AlreadyDecided, match="slot 3 is already reserved"):
        approve(submission_id=submission.pk, by=mona)
    with pytest.raises(AlreadyDecided):
        reject(submission_id=submission.pk, reason="No.", by=mona)

    submission.refresh_from_db()
    assert submission.status == Status.PENDING


def test_the_first_of_two_moderators_decides() -> None:
    mona = moderator()
    submission = in_review(person("alice"), make_board())
    reject(submission_id=submission.pk, reason="No.", by=mona)

    with pytest.raises(AlreadyDecided, match="already rejected"):
        approve(submission_id=submission.pk, by=mona)

    submission.refresh_from_db()
    assert submission.status == Status.REJECTED


def test_two_tools_of_one_name_get_addresses_of_their_own() -> None:
    mona = moderator()
    board = make_board()
    slugs = []
    for slot, name in enumerate(["QueryLens", "Querylens!", "工具", "工具"], start=1):
        link = f"https://tool{slot}.dev/"
        submission = in_review(person("alice"), board, slot, name=name, link=link)
        approve(submission_id=submission.pk, by=mona)
        submission.refresh_from_db()
        slugs.append(submission.slug)

    assert slugs == ["querylens", "querylens-2", "tool", "tool-2"]


def test_the_eleventh_tool_of_a_name_gets_an_address_too() -> None:
    mona = moderator()
    board = make_board()
    for slot in range(1, 12):
        link = f"https://tool{slot}.dev/"
        submission = in_review(person("alice"), board, slot, link=link)
        approve(submission_id=submission.pk, by=mona)

    submission.refresh_from_db()
    assert submission.slug == f"tool-{submission.pk.hex}"


@pytest.mark.parametrize("make", [reserved, in_review])
def test_release_frees_a_slot_and_stops_its_run(make: object) -> None:
    assert callable(make)
    board = make_board()
    submission = make(person("alice"), board, 3)

    release(submission_id=submission.pk, reason="The board was cleared.", by=moderator())

    submission.refresh_from_db()
    assert (submission.status, submission.reason_code) == (Status.CANCELLED, Ended.RELEASED)
    assert 3 in free_slots(board)
    assert get_run(submission.run_id).state == RunState.CANCELLED


def test_a_released_tool_leaves_the_directory_and_its_address() -> None:
    mona, board = moderator(), make_board()
    submission = in_review(person("alice"), board, 3)
    approve(submission_id=submission.pk, by=mona)

    release(submission_id=submission.pk, reason="Gone.", by=mona)

    again = in_review(person("bob"), board, 4)
    approve(submission_id=again.pk, by=mona)
    assert find_tool("querylens").pk == again.pk


def test_what_is_over_cannot_be_released() -> None:
    mona = moderator()
    submission = in_review(person("alice"), make_board())
    reject(submission_id=submission.pk, reason="No.", by=mona)

    with pytest.raises(AlreadyDecided):
        release(submission_id=submission.pk, reason="Gone.", by=mona)


@pytest.mark.parametrize("stop", [stop_run, prune_run])
def test_a_decision_on_a_submission_without_a_living_run_is_mailed_too(
    mailoutbox: list[object], stop: Callable[[Submission], None]
) -> None:
    mona, board = moderator(), make_board()
    stopped = in_review(person("alice"), board, 3)
    orphan = in_review(person("bob"), board, 4, link="https://other.dev/")
    without_run(orphan)
    stop(stopped)

    approve(submission_id=stopped.pk, by=mona)
    reject(submission_id=orphan.pk, reason="No.", by=mona)
    drive_until_idle()

    assert subjects(mailoutbox) == ["QueryLens is published", "QueryLens was not published"]


def test_a_slot_whose_run_was_pruned_can_be_released() -> None:
    board = make_board()
    submission = reserved(person("alice"), board, 3)
    prune_run(submission)

    release(submission_id=submission.pk, reason="It hung.", by=moderator())

    assert 3 in free_slots(board)


def subjects(letters: list[object]) -> list[str]:
    return sorted(str(getattr(letter, "subject", "")) for letter in letters)


def expiry(submission: Submission) -> datetime:
    submission.refresh_from_db()
    return submission.expires_at


def test_the_time_for_the_details_is_doubled_once() -> None:
    mona = moderator()
    submission = reserved(person("alice"), make_board(reservation_seconds=60))
    before = expiry(submission)

    extend(submission_id=submission.pk, by=mona)

    assert expiry(submission) == before + timedelta(seconds=60)
    with pytest.raises(NotExtended):
        extend(submission_id=submission.pk, by=mona)
    assert expiry(submission) == before + timedelta(seconds=60)


@pytest.mark.parametrize("happens", [close_window, send])
def test_only_a_running_reservation_is_extended(happens: Callable[[Submission], object]) -> None:
    submission = reserved(person("alice"), make_board())
    happens(submission)

    with pytest.raises(NotExtended):
        extend(submission_id=submission.pk, by=moderator())

    submission.refresh_from_db()
    assert not submission.extended


def test_an_extended_reservation_is_held_until_its_new_end() -> None:
    board = make_board()
    submission = reserved(person("alice"), board)
    drive_until_idle()
    extend(submission_id=submission.pk, by=moderator())

    next_try(submission)
    assert outcome(submission)[::2] == (Status.PENDING, RunState.WAITING)
    assert 3 not in free_slots(board)

    next_try(submission)
    assert outcome(submission) == (Status.CANCELLED, Ended.EXPIRED, RunState.COMPLETED)
    assert 3 in free_slots(board)


def test_a_link_is_looked_at_again_and_the_decision_stays_the_moderators() -> None:
    submission = in_review(person("alice"), make_board(needs_moderator=True))
    with link_answers(verdict()):
        drive_until_idle()

    check_link(submission_id=submission.pk, by=moderator())
    with link_answers(verdict(Code.NOT_FOUND)):
        drive_until_idle()

    assert outcome(submission)[::2] == (Status.IN_REVIEW, RunState.WAITING)
    assert submission.link_note == explain_to_moderators(verdict(Code.NOT_FOUND))


def test_two_who_ask_at_once_get_one_look() -> None:
    mona = moderator()
    submission = in_review(person("alice"), make_board(needs_moderator=True))
    with link_answers(verdict()):
        drive_until_idle()

    for _ in range(2):
        check_link(submission_id=submission.pk, by=mona)

    assert len(list_runs(workflow="submissions.link_recheck")) == 1
    with link_answers(verdict()):
        drive_until_idle()
    check_link(submission_id=submission.pk, by=mona)
    assert len(list_runs(workflow="submissions.link_recheck")) == 2


def test_between_two_tries_the_next_one_is_made_now() -> None:
    submission = in_review(person("alice"), make_board())
    with link_answers(verdict(Code.TOO_SLOW)):
        drive_until_idle()

    check_link(submission_id=submission.pk, by=moderator())
    with link_answers(verdict()):
        drive_until_idle()

    assert outcome(submission) == (Status.APPROVED, "", RunState.COMPLETED)
    assert list_runs(workflow="submissions.link_recheck") == []


def test_where_the_check_was_stopped_a_look_is_made_all_the_same() -> None:
    submission = in_review(person("alice"), make_board())
    stop_run(submission)

    check_link(submission_id=submission.pk, by=moderator())
    with link_answers(verdict()):
        drive_until_idle()

    submission.refresh_from_db()
    assert submission.link_checked_at is not None and submission.link_note == ""


def test_a_link_that_nobody_needs_is_not_looked_at() -> None:
    mona, board = moderator(), make_board()
    early = reserved(person("alice"), board, 3)
    over = in_review(person("bob"), board, 4)
    reject(submission_id=over.pk, reason="No.", by=mona)

    for submission in (early, over):
        with pytest.raises(AlreadyDecided):
            check_link(submission_id=submission.pk, by=mona)
