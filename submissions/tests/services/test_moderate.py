"""Moderators' verbs: the row decides at once, whatever the run is doing."""

from collections.abc import Callable

import pytest

from submissions.errors import AlreadyDecided
from submissions.models import Submission
from submissions.selectors import find_tool, free_slots
from submissions.services.moderate import approve, reject, release
from submissions.states import Ended, Status
from submissions.tests.builders import (
    in_review,
    make_board,
    moderator,
    person,
    prune_run,
    reserved,
    stop_run,
    without_run,
)
from workflows.api import RunState, get_run
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
