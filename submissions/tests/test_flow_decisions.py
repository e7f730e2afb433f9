"""The story when people step in: moderators who decide or release, makers who give up."""

from typing import Any
from unittest import mock

import pytest
from django.core.mail import EmailMessage

from submissions.link_check import Code, LinkVerdict
from submissions.services.moderate import approve, reject, release
from submissions.services.withdraw import withdraw
from submissions.states import Ended, Status
from submissions.tests.builders import (
    history_of,
    in_review,
    link_answers,
    make_board,
    moderator,
    outcome,
    person,
    verdict,
    without_run,
)
from workflows.api import HistoryKind, RunState, list_runs
from workflows.testing import drive_until_idle

pytestmark = pytest.mark.django_db

SLOW = verdict(Code.TOO_SLOW)


def test_the_labels_on_the_way_are_words_for_people() -> None:
    submission = in_review(person("alice"), make_board(needs_moderator=True))
    with link_answers(verdict()):
        drive_until_idle()
    approve(submission_id=submission.pk, by=moderator())
    drive_until_idle()

    assert history_of(submission, HistoryKind.STATUS_SET) == [
        "Waiting for the details",
        "Checking the link",
        "Waiting for a moderator",
        "Approved",
    ]


def test_a_moderator_decides_after_the_link_check(mailoutbox: list[EmailMessage]) -> None:
    board = make_board(needs_moderator=True)
    good = in_review(person("alice"), board, 3)
    poor = in_review(person("bob"), board, 4, name="Advert", link="https://advert.dev/")
    with link_answers(verdict()):
        drive_until_idle()
    assert outcome(good)[::2] == (Status.IN_REVIEW, RunState.WAITING)

    mona = moderator()
    approve(submission_id=good.pk, by=mona)
    reject(submission_id=poor.pk, reason="It is an advert.", by=mona)
    drive_until_idle()

    assert outcome(good) == (Status.APPROVED, "", RunState.COMPLETED)
    assert outcome(poor) == (Status.REJECTED, Ended.REFUSED, RunState.COMPLETED)
    assert sorted(letter.subject for letter in mailoutbox) == [
        "Advert was not published",
        "QueryLens is published",
    ]


def test_a_bad_link_needs_no_moderator() -> None:
    submission = in_review(person("alice"), make_board(needs_moderator=True))

    with link_answers(verdict(Code.NOT_FOUND)):
        drive_until_idle()

    assert outcome(submission) == (Status.REJECTED, Ended.BAD_LINK, RunState.COMPLETED)


@pytest.mark.parametrize("needs_moderator", [True, False])
@pytest.mark.parametrize("code", [Code.OK, Code.NOT_FOUND])
@pytest.mark.parametrize("decision", [Status.APPROVED, Status.REJECTED])
def test_a_decision_during_the_link_check_sticks_and_is_mailed_once(
    needs_moderator: bool, code: Code, decision: Status, mailoutbox: list[EmailMessage]
) -> None:
    submission = in_review(person("alice"), make_board(needs_moderator=needs_moderator))
    mona = moderator()

    def decide_meanwhile(url: str, **options: Any) -> LinkVerdict:
        if decision == Status.APPROVED:
            approve(submission_id=submission.pk, by=mona)
        else:
            reject(submission_id=submission.pk, reason="No.", by=mona)
        return verdict(code)

    with mock.patch("submissions.steps.ask_the_guard", side_effect=decide_meanwhile):
        drive_until_idle()

    assert outcome(submission)[::2] == (decision, RunState.COMPLETED)
    assert len(mailoutbox) == 1
    assert list_runs(workflow="submissions.result_letter") == []


def test_withdrawn_while_the_link_is_checked_stays_withdrawn(
    mailoutbox: list[EmailMessage],
) -> None:
    alice = person("alice")
    submission = in_review(alice, make_board())

    def withdraw_meanwhile(url: str, **options: Any) -> LinkVerdict:
        withdraw(maker=alice, submission_id=submission.pk)
        return verdict()

    with mock.patch("submissions.steps.ask_the_guard", side_effect=withdraw_meanwhile):
        drive_until_idle()

    assert outcome(submission) == (Status.CANCELLED, Ended.WITHDRAWN, RunState.CANCELLED)
    assert mailoutbox == []


def test_withdrawn_between_two_tries_stays_withdrawn() -> None:
    alice = person("alice")
    submission = in_review(alice, make_board())

    with link_answers(SLOW):
        drive_until_idle()
        withdraw(maker=alice, submission_id=submission.pk)
        drive_until_idle()

    assert outcome(submission) == (Status.CANCELLED, Ended.WITHDRAWN, RunState.CANCELLED)


def test_a_released_tool_is_mailed_by_a_letter_of_its_own(mailoutbox: list[EmailMessage]) -> None:
    submission = in_review(person("alice"), make_board())
    with link_answers(verdict()):
        drive_until_idle()

    release(submission_id=submission.pk, reason="It moved to another board.", by=moderator())
    drive_until_idle()

    assert [letter.subject for letter in mailoutbox] == [
        "QueryLens is published",
        "Slot 3 of Launch is no longer yours",
    ]
    assert "It moved to another board." in mailoutbox[1].body


def test_good_news_that_was_overtaken_by_a_release_is_not_sent(
    mailoutbox: list[EmailMessage],
) -> None:
    submission = in_review(person("alice"), make_board())
    without_run(submission)
    mona = moderator()
    approve(submission_id=submission.pk, by=mona)
    release(submission_id=submission.pk, reason="By mistake.", by=mona)

    drive_until_idle()

    assert [letter.subject for letter in mailoutbox] == ["Slot 3 of Launch is no longer yours"]
    letters = list_runs(workflow="submissions.result_letter")
    assert [run.state for run in letters] == [RunState.COMPLETED, RunState.COMPLETED]
