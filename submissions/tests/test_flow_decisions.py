"""The story when people step in: moderators who decide or release, makers who give up."""

from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest
from django.core.mail import EmailMessage
from django.db import OperationalError
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from submissions.link_check import Code, LinkVerdict, explain, explain_to_moderators
from submissions.models import Submission
from submissions.services.moderate import approve, reject, release
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
    reserved,
    send,
    signed_in,
    verdict,
    without_run,
)
from workflows.api import Context, HistoryKind, RunState, list_runs
from workflows.testing import drive_until_idle

pytestmark = pytest.mark.django_db

SLOW = verdict(Code.TOO_SLOW)


def withdraw_it(submission: Submission) -> None:
    withdraw(maker=submission.maker, submission_id=submission.pk)


def approve_it(submission: Submission) -> None:
    approve(submission_id=submission.pk, by=moderator())


def reject_it(submission: Submission) -> None:
    reject(submission_id=submission.pk, reason="No.", by=moderator())


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


@pytest.mark.parametrize("code", [Code.FORBIDDEN, Code.BOT_WALL])
def test_a_site_that_lets_no_machine_in_is_left_to_the_boards_moderator(
    code: Code, mailoutbox: list[EmailMessage]
) -> None:
    submission = in_review(person("alice"), make_board(needs_moderator=True))
    with link_answers(verdict(code)):
        drive_until_idle()
    assert outcome(submission)[::2] == (Status.IN_REVIEW, RunState.WAITING)
    assert submission.link_note == explain_to_moderators(verdict(code))
    assert mailoutbox == []

    approve(submission_id=submission.pk, by=moderator())
    drive_until_idle()

    assert outcome(submission) == (Status.APPROVED, "", RunState.COMPLETED)


@pytest.mark.parametrize("code", [Code.FORBIDDEN, Code.BOT_WALL])
def test_without_a_moderator_such_a_site_is_rejected_with_that_reason(code: Code) -> None:
    submission = in_review(person("alice"), make_board())

    with link_answers(verdict(code)):
        drive_until_idle()

    assert outcome(submission) == (Status.REJECTED, Ended.BAD_LINK, RunState.COMPLETED)
    assert submission.reason == explain(verdict(code))


@pytest.mark.parametrize("code", [Code.NO_SUCH_HOST, Code.PRIVATE_ADDRESS])
def test_only_moderators_read_whether_a_name_is_missing_or_private(code: Code) -> None:
    submission = in_review(person("alice"), make_board())
    with link_answers(verdict(code)):
        drive_until_idle()
    client, page = Client(), reverse("admin:submissions_submission_change", args=[submission.pk])
    client.force_login(moderator())

    for_makers = signed_in("alice").get(reverse("submissions:submission", args=[submission.pk]))
    for_moderators = client.get(page)

    note = escape(explain_to_moderators(verdict(code)))
    assert note in for_moderators.content.decode()
    assert note not in for_makers.content.decode()
    assert escape(explain(verdict(Code.NO_SUCH_HOST))) in for_makers.content.decode()


def test_a_run_that_was_among_its_tries_before_people_were_asked_goes_on_without() -> None:
    submission = in_review(person("alice"), make_board(needs_moderator=True))
    with link_answers(SLOW), mock.patch.object(Context, "patched", return_value=False):
        drive_until_idle()

    with link_answers(verdict(Code.FORBIDDEN)):
        next_try(submission)

    assert outcome(submission) == (Status.REJECTED, Ended.BAD_LINK, RunState.COMPLETED)
    assert history_of(submission, HistoryKind.PATCH_TAKEN) == ["appeal"]


def test_a_run_that_waited_for_its_details_before_asks_people_now() -> None:
    submission = reserved(person("alice"), make_board(needs_moderator=True))
    with mock.patch.object(Context, "patched", return_value=False):
        drive_until_idle()

    send(submission)
    with link_answers(verdict(Code.FORBIDDEN)):
        drive_until_idle()

    assert outcome(submission)[::2] == (Status.IN_REVIEW, RunState.WAITING)
    assert history_of(submission, HistoryKind.PATCH_TAKEN) == ["ask-a-person", "appeal"]


@pytest.mark.parametrize("ending", [withdraw_it, approve_it, reject_it])
def test_a_check_whose_submission_has_left_review_is_given_up(
    ending: Callable[[Submission], object], mailoutbox: list[EmailMessage]
) -> None:
    submission = in_review(person("alice"), make_board())

    def wait_for_a_slow_site(url: str, **options: Any) -> LinkVerdict:
        options["while_waiting"]()
        ending(submission)
        options["while_waiting"]()
        raise AssertionError("the check went on")

    with mock.patch("submissions.steps.ask_the_guard", side_effect=wait_for_a_slow_site) as guard:
        drive_until_idle()

    submission.refresh_from_db()
    assert submission.status != Status.IN_REVIEW
    assert (submission.link_checked_at, submission.link_note) == (None, "")
    assert guard.call_count == 1
    assert len(mailoutbox) == (0 if submission.status == Status.CANCELLED else 1)


def test_a_database_that_is_away_for_a_moment_gives_no_check_up() -> None:
    submission = in_review(person("alice"), make_board())

    def look_at_nothing(url: str, **options: Any) -> LinkVerdict:
        with mock.patch("submissions.steps.status_of", side_effect=OperationalError):
            options["while_waiting"]()
        return verdict()

    with mock.patch("submissions.steps.ask_the_guard", side_effect=look_at_nothing):
        drive_until_idle()

    assert outcome(submission) == (Status.APPROVED, "", RunState.COMPLETED)


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
