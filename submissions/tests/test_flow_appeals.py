"""The story when the link check fails on a board that lets makers ask a moderator."""

from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
from django.core.mail import EmailMessage

from submissions.link_check import Code, explain
from submissions.models import Board, Submission
from submissions.selectors import free_slots
from submissions.services.appeal import appeal
from submissions.services.moderate import approve, reject
from submissions.services.withdraw import withdraw
from submissions.states import Ended, Status
from submissions.tests.builders import (
    history_of,
    in_review,
    link_answers,
    make_board,
    moderator,
    next_try,
    outcome,
    person,
    verdict,
)
from submissions.too_late import AppealTooLate
from workflows.api import Context, HistoryKind, RunState
from workflows.testing import drive_until_idle

pytestmark = pytest.mark.django_db

FAILED = verdict(Code.NOT_FOUND)
AN_HOUR = 3600


def failed(**settings: Any) -> Submission:
    settings = {"appeal_seconds": AN_HOUR} | settings
    submission = in_review(person("alice"), make_board(**settings))
    with link_answers(FAILED):
        drive_until_idle()
    submission.refresh_from_db()
    return submission


def ask(submission: Submission, words: str = "It works for me.") -> Submission:
    return appeal(maker=submission.maker, submission_id=submission.pk, words=words)


def test_a_failed_check_waits_for_its_maker_with_the_verdict_shown(
    mailoutbox: list[EmailMessage],
) -> None:
    submission = failed()

    assert outcome(submission) == (Status.IN_REVIEW, Ended.BAD_LINK, RunState.WAITING)
    assert submission.may_be_appealed
    assert submission.reason == explain(FAILED)
    assert 3 not in free_slots(submission.board)
    assert [letter.subject for letter in mailoutbox] == ["The link check of QueryLens failed"]
    assert explain(FAILED) in mailoutbox[0].body


def test_without_a_word_it_is_rejected_when_the_time_is_over(
    mailoutbox: list[EmailMessage],
) -> None:
    submission = failed()

    next_try(submission)

    assert outcome(submission) == (Status.REJECTED, Ended.BAD_LINK, RunState.COMPLETED)
    assert submission.reason == explain(FAILED)
    assert 3 in free_slots(submission.board)
    assert mailoutbox[1].subject == "QueryLens was not published"


def test_who_asks_gets_a_decision_instead(mailoutbox: list[EmailMessage]) -> None:
    submission = failed()
    ask(submission)
    next_try(submission)
    assert outcome(submission)[::2] == (Status.IN_REVIEW, RunState.WAITING)

    approve(submission_id=submission.pk, by=moderator())
    drive_until_idle()

    assert outcome(submission) == (Status.APPROVED, "", RunState.COMPLETED)
    assert submission.reason == ""
    assert mailoutbox[1].subject == "QueryLens is published"
    assert history_of(submission, HistoryKind.STATUS_SET)[2:] == [
        "Waiting for the maker",
        "Waiting for a moderator",
        "Approved",
    ]


@pytest.mark.parametrize("asks", [True, False])
def test_a_moderator_need_not_wait_for_the_end_of_the_time(asks: bool) -> None:
    submission = failed()
    if asks:
        ask(submission)

    reject(submission_id=submission.pk, reason="It is an advert.", by=moderator())
    drive_until_idle()

    assert outcome(submission) == (Status.REJECTED, Ended.REFUSED, RunState.COMPLETED)
    assert submission.reason == "It is an advert."


def test_a_link_that_never_answered_can_be_appealed_too() -> None:
    submission = in_review(person("alice"), make_board(appeal_seconds=AN_HOUR))
    with link_answers(verdict(Code.TOO_SLOW)):
        drive_until_idle()
        for _ in range(4):
            next_try(submission)

    assert outcome(submission) == (Status.IN_REVIEW, Ended.UNREACHABLE, RunState.WAITING)
    assert submission.may_be_appealed


@pytest.mark.parametrize("code", [Code.FORBIDDEN, Code.BOT_WALL])
def test_a_wall_is_left_to_the_boards_moderator_without_being_asked(code: Code) -> None:
    submission = in_review(
        person("alice"), make_board(appeal_seconds=AN_HOUR, needs_moderator=True)
    )
    with link_answers(verdict(code)):
        drive_until_idle()

    submission.refresh_from_db()
    assert (submission.appeal_until, submission.waits_for_a_moderator) == (None, True)


def test_a_board_without_such_a_time_rejects_at_once() -> None:
    submission = failed(appeal_seconds=0)

    assert outcome(submission) == (Status.REJECTED, Ended.BAD_LINK, RunState.COMPLETED)


def test_the_slot_can_be_given_back_meanwhile() -> None:
    submission = failed()

    withdraw(maker=submission.maker, submission_id=submission.pk)
    drive_until_idle()

    assert outcome(submission) == (Status.CANCELLED, Ended.WITHDRAWN, RunState.CANCELLED)


def test_a_run_that_was_among_its_tries_before_appeals_goes_on_without() -> None:
    submission = in_review(person("alice"), make_board(appeal_seconds=AN_HOUR))
    with (
        link_answers(FAILED),
        mock.patch.object(Context, "patched", lambda self, patch: patch != "appeal"),
    ):
        drive_until_idle()

    assert outcome(submission) == (Status.REJECTED, Ended.BAD_LINK, RunState.COMPLETED)


def test_it_is_asked_once_and_asking_again_is_calm() -> None:
    submission = failed()
    ask(submission, "First.")

    again = ask(submission, "Second.")

    assert again.appeal == "First."


def rejected_by_now(submission: Submission) -> None:
    next_try(submission)


def time_is_over(submission: Submission) -> None:
    Submission.objects.filter(pk=submission.pk).update(appeal_until="2026-01-01T00:00Z")


def decided(submission: Submission) -> None:
    approve(submission_id=submission.pk, by=moderator())


@pytest.mark.parametrize("happens", [rejected_by_now, time_is_over, decided])
def test_afterwards_nobody_can_be_asked(happens: Callable[[Submission], None]) -> None:
    submission = failed()
    happens(submission)
    submission.refresh_from_db()
    before = submission.status

    with pytest.raises(AppealTooLate):
        ask(submission)

    submission.refresh_from_db()
    assert (submission.status, submission.appeal, submission.appealed_at) == (before, "", None)


def test_what_is_asked_holds_when_the_board_stops_to_allow_it() -> None:
    submission = failed()
    Board.objects.update(appeal_seconds=0)

    ask(submission)
    next_try(submission)

    assert outcome(submission)[::2] == (Status.IN_REVIEW, RunState.WAITING)
