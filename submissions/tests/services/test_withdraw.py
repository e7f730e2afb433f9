"""Giving a slot back."""

import pytest

from submissions.errors import SubmissionUnknown
from submissions.selectors import free_slots
from submissions.services.withdraw import withdraw
from submissions.states import Ended, Status
from submissions.tests.builders import in_review, make_board, person, prune_run, reserved
from workflows.api import RunState, get_run
from workflows.testing import drive_until_idle

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("make", [reserved, in_review])
def test_the_slot_is_free_and_the_run_is_cancelled(make: object) -> None:
    assert callable(make)
    alice, board = person("alice"), make_board()
    submission = make(alice, board, 3)

    over = withdraw(maker=alice, submission_id=submission.pk)

    assert (over.status, over.reason_code) == (Status.CANCELLED, Ended.WITHDRAWN)
    assert 3 in free_slots(board)
    assert get_run(submission.run_id).state == RunState.CANCELLED


def test_a_slot_whose_run_was_pruned_can_be_given_back() -> None:
    alice, board = person("alice"), make_board()
    submission = reserved(alice, board, 3)
    prune_run(submission)

    withdraw(maker=alice, submission_id=submission.pk)

    assert 3 in free_slots(board)


def test_nobody_gets_a_letter_about_what_they_did_themselves(mailoutbox: list[object]) -> None:
    alice = person("alice")
    submission = reserved(alice, make_board())

    withdraw(maker=alice, submission_id=submission.pk)
    drive_until_idle()

    assert mailoutbox == []


def test_a_second_time_changes_nothing() -> None:
    alice = person("alice")
    submission = reserved(alice, make_board())
    first = withdraw(maker=alice, submission_id=submission.pk)

    again = withdraw(maker=alice, submission_id=submission.pk)

    assert again.decided_at == first.decided_at


def test_a_foreign_submission_is_not_there() -> None:
    submission = reserved(person("alice"), make_board())

    with pytest.raises(SubmissionUnknown):
        withdraw(maker=person("charlie"), submission_id=submission.pk)

    submission.refresh_from_db()
    assert submission.status == Status.PENDING
