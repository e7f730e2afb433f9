"""The ways a submission can go, each from the reserved slot to the end of its runs.

Played by test_crash_everywhere.py with a worker killed at every place, and by test_histories.py
against the histories kept of them. What a step is answered depends on its attempt alone, since a
killed one is tried again.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from django.contrib.auth.models import User
from django.core import mail

from submissions import moves
from submissions.flows import link_watch
from submissions.link_check import Code, LinkVerdict
from submissions.models import Board, Submission
from submissions.services.appeal import appeal
from submissions.services.moderate import approve, check_link, extend, reject, release
from submissions.services.waitlist import join
from submissions.services.withdraw import withdraw
from submissions.steps import mail_result
from submissions.tests.builders import (
    in_review,
    make_board,
    moderator,
    person,
    reserved,
    send,
    stop_run,
    verdict,
)
from submissions.upkeep import FAILURES_TO_TELL, SECONDS_BETWEEN_LOOKS
from workflows.api import current_step, start
from workflows.testing import advance, drive_until_idle, fake

PAST_THE_RESERVATION = 130.0
PAST_THE_OFFER = 610.0
ALL_TRIES = 3600.0
TIME_TO_APPEAL = 4 * 3600
PAST_THE_APPEAL = TIME_TO_APPEAL + 60.0


@contextmanager
def link_tries(*codes: Code, **facts: Any) -> Iterator[None]:
    """Let the guard answer each try of the link check so; the last answer stays."""

    def answer(url: str, **options: Any) -> LinkVerdict:
        step = current_step()
        assert step is not None
        return verdict(codes[min(step.attempt, len(codes)) - 1], **facts)

    with mock.patch("submissions.steps.ask_the_guard", side_effect=answer):
        yield


def set_the_stage() -> None:
    """Create the people and the board once, for all that is played on them."""
    for name in ("alice", "bob", "charlie"):
        person(name)
    mona()
    board()
    make_board("tiny", slots=1)


def mona() -> User:
    return User.objects.filter(username="mona").first() or moderator()


def board(**settings: Any) -> Board:
    found = Board.objects.filter(slug="launch").first() or make_board()
    plain = {"needs_moderator": False, "appeal_seconds": 0}
    Board.objects.filter(pk=found.pk).update(**(plain | settings))
    return found


def reviewed(*codes: Code, **settings: Any) -> Submission:
    """Reserve, send the details, and let the link be checked until that has ended."""
    submission = reserved(person("alice"), board(**settings))
    drive_until_idle()
    send(submission)
    with link_tries(*codes):
        advance(seconds=ALL_TRIES)
    return submission


def approved() -> Submission:
    return reviewed(Code.OK)


def rejected() -> Submission:
    return reviewed(Code.NOT_FOUND)


def approved_at_the_third_try() -> Submission:
    return reviewed(Code.TOO_SLOW, Code.TOO_SLOW, Code.OK)


def unreachable() -> Submission:
    return reviewed(Code.TOO_SLOW)


def expired() -> Submission:
    submission = reserved(person("alice"), board())
    advance(seconds=PAST_THE_RESERVATION)
    return submission


def details_sent_before_the_first_drive() -> Submission:
    submission = in_review(person("alice"), board())
    with link_tries(Code.OK):
        drive_until_idle()
    return submission


def approved_by_a_moderator() -> Submission:
    submission = reviewed(Code.OK, needs_moderator=True)
    approve(submission_id=submission.pk, by=mona())
    drive_until_idle()
    return submission


def rejected_by_a_moderator() -> Submission:
    submission = reviewed(Code.OK, needs_moderator=True)
    reject(submission_id=submission.pk, reason="It is an advert.", by=mona())
    drive_until_idle()
    return submission


def approved_by_a_moderator_between_two_tries() -> Submission:
    submission = in_review(person("alice"), board())
    with link_tries(Code.TOO_SLOW, Code.OK):
        drive_until_idle()
        approve(submission_id=submission.pk, by=mona())
        advance(seconds=ALL_TRIES)
    return submission


def withdrawn_before_the_details() -> Submission:
    submission = reserved(person("alice"), board())
    drive_until_idle()
    withdraw(maker=submission.maker, submission_id=submission.pk)
    advance(seconds=PAST_THE_RESERVATION)
    return submission


def withdrawn_between_two_tries() -> Submission:
    submission = in_review(person("alice"), board())
    with link_tries(Code.TOO_SLOW):
        drive_until_idle()
        withdraw(maker=submission.maker, submission_id=submission.pk)
        advance(seconds=ALL_TRIES)
    return submission


def approved_behind_a_wall() -> Submission:
    submission = reviewed(Code.FORBIDDEN, needs_moderator=True)
    approve(submission_id=submission.pk, by=mona())
    drive_until_idle()
    return submission


def rejected_behind_a_wall() -> Submission:
    return reviewed(Code.BOT_WALL)


def unreachable_after_two_hours() -> Submission:
    submission = in_review(person("alice"), board())
    with link_tries(Code.TOO_SLOW, retry_after_seconds=3600.0):
        advance(seconds=3 * ALL_TRIES)
    return submission


def released_with_a_letter_of_its_own() -> Submission:
    submission = approved()
    release(submission_id=submission.pk, reason="It moved.", by=mona())
    drive_until_idle()
    return submission


def mailed_at_the_second_try() -> Submission:
    def away_at_first(*args: Any) -> None:
        step = current_step()
        assert step is not None
        if step.attempt == 1:
            raise ConnectionRefusedError
        mail.EmailMessage(subject="told", headers={"Message-ID": step.idempotency_key}).send()

    with fake(mail_result, does=away_at_first):
        return reviewed(Code.OK)


def watched_until_it_is_taken_down() -> Submission:
    submission = in_review(person("alice"), board())
    stop_run(submission)
    assert moves.approve(submission.pk, submission.name)
    start(link_watch, submission_id=submission.pk, failures=FAILURES_TO_TELL - 1)
    drive_until_idle()
    with link_tries(Code.NOT_FOUND):
        advance(seconds=SECONDS_BETWEEN_LOOKS)
    release(submission_id=submission.pk, reason="It is gone.", by=mona())
    advance(seconds=SECONDS_BETWEEN_LOOKS)
    return submission


def failed_with_time_to_appeal() -> Submission:
    """Let the link check fail on a board that leaves its makers time; the letter is out."""
    submission = reserved(person("alice"), board(appeal_seconds=TIME_TO_APPEAL))
    drive_until_idle()
    send(submission)
    with link_tries(Code.NOT_FOUND):
        drive_until_idle()
    return submission


def not_appealed() -> Submission:
    submission = failed_with_time_to_appeal()
    advance(seconds=PAST_THE_APPEAL)
    return submission


def appealed_and_approved() -> Submission:
    submission = failed_with_time_to_appeal()
    appeal(maker=submission.maker, submission_id=submission.pk, words="It works for me.")
    advance(seconds=PAST_THE_APPEAL)
    approve(submission_id=submission.pk, by=mona())
    drive_until_idle()
    return submission


def appealed_and_rejected_at_once() -> Submission:
    submission = failed_with_time_to_appeal()
    appeal(maker=submission.maker, submission_id=submission.pk, words="It works for me.")
    reject(submission_id=submission.pk, reason="It does not.", by=mona())
    drive_until_idle()
    return submission


def left_to_a_moderator_where_appeals_are_possible() -> Submission:
    settings = {"needs_moderator": True, "appeal_seconds": TIME_TO_APPEAL}
    submission = reviewed(Code.FORBIDDEN, **settings)
    approve(submission_id=submission.pk, by=mona())
    drive_until_idle()
    return submission


def extended_and_taken() -> Submission:
    submission = reserved(person("alice"), board())
    extend(submission_id=submission.pk, by=mona())
    advance(seconds=PAST_THE_RESERVATION)
    send(submission)
    with link_tries(Code.OK):
        drive_until_idle()
    return submission


def extended_and_expired() -> Submission:
    submission = reserved(person("alice"), board())
    drive_until_idle()
    extend(submission_id=submission.pk, by=mona())
    advance(seconds=2 * PAST_THE_RESERVATION)
    return submission


def checked_again_by_a_moderator() -> Submission:
    submission = reviewed(Code.FORBIDDEN, needs_moderator=True)
    check_link(submission_id=submission.pk, by=mona())
    with link_tries(Code.OK):
        drive_until_idle()
    return submission


def waited_for() -> Submission:
    """Reserve the only slot, for which bob and charlie wait."""
    tiny = Board.objects.get(slug="tiny")
    submission = reserved(person("alice"), tiny, 1)
    for name in ("bob", "charlie"):
        join(maker=person(name), board_slug=tiny.slug)
    return submission


def offer_to(name: str) -> Submission:
    return Submission.objects.get(maker=person(name), board__slug="tiny")


def offered_when_the_time_ran_out() -> Submission:
    submission = waited_for()
    advance(seconds=PAST_THE_RESERVATION)
    return submission


def offered_again_and_taken() -> Submission:
    """Bob lets the offer of a bad link's slot lapse; charlie takes it."""
    submission = waited_for()
    send(submission)
    with link_tries(Code.NOT_FOUND):
        drive_until_idle()
    advance(seconds=PAST_THE_OFFER)
    charlies = offer_to("charlie")
    send(charlies)
    with link_tries(Code.OK):
        drive_until_idle()
    return charlies


def offered_and_given_back() -> Submission:
    submission = waited_for()
    withdraw(maker=submission.maker, submission_id=submission.pk)
    drive_until_idle()
    bobs = offer_to("bob")
    withdraw(maker=bobs.maker, submission_id=bobs.pk)
    drive_until_idle()
    return bobs


STORIES: dict[str, Callable[[], Submission]] = {
    story.__name__: story
    for story in (
        approved,
        rejected,
        approved_at_the_third_try,
        unreachable,
        expired,
        details_sent_before_the_first_drive,
        approved_by_a_moderator,
        rejected_by_a_moderator,
        approved_by_a_moderator_between_two_tries,
        withdrawn_before_the_details,
        withdrawn_between_two_tries,
        approved_behind_a_wall,
        rejected_behind_a_wall,
        unreachable_after_two_hours,
        released_with_a_letter_of_its_own,
        mailed_at_the_second_try,
        watched_until_it_is_taken_down,
        not_appealed,
        appealed_and_approved,
        appealed_and_rejected_at_once,
        left_to_a_moderator_where_appeals_are_possible,
        extended_and_taken,
        extended_and_expired,
        checked_again_by_a_moderator,
        offered_when_the_time_ran_out,
        offered_again_and_taken,
        offered_and_given_back,
    )
}
