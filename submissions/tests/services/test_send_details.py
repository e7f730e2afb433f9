"""Sending the details: in time or too late, and never both."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from submissions.errors import (
    DetailsAlreadySent,
    DetailsInvalid,
    DetailsTooLate,
    LinkOnBoard,
    SubmissionUnknown,
)
from submissions.models import Submission
from submissions.services.send_details import send_details
from submissions.services.withdraw import withdraw
from submissions.states import Ended, Status
from submissions.tests.builders import (
    GOOD,
    close_window,
    good_details,
    in_review,
    link_answers,
    make_board,
    person,
    prune_run,
    reserved,
    send,
    stop_run,
    verdict,
)
from workflows import api as workflows
from workflows.testing import drive_until_idle

pytestmark = pytest.mark.django_db


def test_details_in_time_go_to_review_with_their_event() -> None:
    submission = reserved(person("alice"), make_board())

    sent = send(submission)

    assert sent.status == Status.IN_REVIEW
    assert (sent.name, sent.category) == (GOOD["name"], GOOD["category"])
    assert sent.details_at is not None and sent.details_at < sent.expires_at
    assert sent.run_id is not None
    with link_answers(verdict()):
        drive_until_idle()
    events = [each for each in workflows.get_history(sent.run_id) if each.name == "details"]
    assert [each.data["payload"] for each in events] == [{"link": GOOD["link"]}]


def test_sending_the_same_twice_gives_the_same_answer() -> None:
    submission = in_review(person("alice"), make_board())

    again = send(submission)

    assert (again.pk, again.status) == (submission.pk, Status.IN_REVIEW)


@pytest.mark.parametrize("change", [{"name": "Another name"}, {"link": "https://other.dev/"}])
def test_sending_something_else_later_changes_nothing_and_says_so(change: dict[str, str]) -> None:
    submission = in_review(person("alice"), make_board())

    with pytest.raises(DetailsAlreadySent, match="Nothing was changed"):
        send(submission, **change)
    with pytest.raises(DetailsAlreadySent):
        send_details(
            maker=submission.maker, submission_id=submission.pk, details=None, typed={"name": ""}
        )

    submission.refresh_from_db()
    assert (submission.sent, submission.draft) == (GOOD, {})


def test_details_after_the_window_are_refused_and_kept() -> None:
    submission = reserved(person("alice"), make_board())
    close_window(submission)

    with pytest.raises(DetailsTooLate):
        send(submission)

    submission.refresh_from_db()
    assert (submission.status, submission.reason_code) == (Status.CANCELLED, Ended.EXPIRED)
    assert submission.typed == GOOD


def test_details_for_a_slot_that_was_given_back_are_refused_and_kept() -> None:
    alice = person("alice")
    submission = reserved(alice, make_board())
    withdraw(maker=alice, submission_id=submission.pk)

    with pytest.raises(DetailsTooLate):
        send(submission)

    submission.refresh_from_db()
    assert (submission.reason_code, submission.typed) == (Ended.WITHDRAWN, GOOD)


def test_invalid_details_are_kept_as_a_draft_while_the_window_is_open() -> None:
    submission = reserved(person("alice"), make_board())

    with pytest.raises(DetailsInvalid):
        send_details(
            maker=submission.maker,
            submission_id=submission.pk,
            details=None,
            typed={"name": "Half a to"},
        )

    submission.refresh_from_db()
    assert (submission.status, submission.typed) == (Status.PENDING, {"name": "Half a to"})


def test_invalid_details_after_the_window_are_too_late_first_of_all() -> None:
    submission = reserved(person("alice"), make_board())
    close_window(submission)

    with pytest.raises(DetailsTooLate):
        send_details(
            maker=submission.maker, submission_id=submission.pk, details=None, typed={"name": "x"}
        )


def test_a_foreign_submission_is_not_there() -> None:
    submission = reserved(person("alice"), make_board())

    for submission_id in (submission.pk, uuid4()):
        with pytest.raises(SubmissionUnknown):
            send_details(
                maker=person("charlie"),
                submission_id=submission_id,
                details=good_details(),
                typed=GOOD,
            )

    submission.refresh_from_db()
    assert (submission.status, submission.draft) == (Status.PENDING, {})


@pytest.mark.parametrize(
    "link",
    [
        "https://QueryLens.dev",
        "http://querylens.dev/",
        "https://querylens.dev:443/#top",
        "https://querylens.dev//",
    ],
)
def test_the_same_link_written_otherwise_is_refused(link: str) -> None:
    board = make_board()
    in_review(person("alice"), board, 3, link="https://querylens.dev/")
    submission = reserved(person("bob"), board, 4)

    with pytest.raises(LinkOnBoard):
        send(submission, link=link)

    submission.refresh_from_db()
    assert (submission.status, submission.typed["link"]) == (Status.PENDING, link)


def test_the_same_link_is_fine_on_another_board_and_after_a_rejection() -> None:
    board = make_board()
    refused = in_review(person("alice"), board, 3)
    Submission.objects.filter(pk=refused.pk).update(status=Status.REJECTED)

    here = in_review(person("bob"), board, 4)
    elsewhere = in_review(person("alice"), make_board("other"), 3)

    assert {here.status, elsewhere.status} == {Status.IN_REVIEW}


@pytest.mark.parametrize("stop", [stop_run, prune_run])
def test_details_for_a_run_an_operator_has_stopped_free_the_slot_and_are_kept(
    stop: Callable[[Submission], None],
) -> None:
    submission = reserved(person("alice"), make_board())
    stop(submission)

    with pytest.raises(DetailsTooLate):
        send(submission)

    submission.refresh_from_db()
    assert (submission.status, submission.typed) == (Status.CANCELLED, GOOD)
