"""The whole story of a submission, driven without a cluster."""

from collections.abc import Callable
from contextvars import Context
from typing import Any
from unittest import mock
from uuid import UUID

import pytest
from django.core.mail import EmailMessage
from django.test import override_settings

from submissions import moves
from submissions.link_check import Code
from submissions.models import Submission
from submissions.states import Ended, Status
from submissions.tests.builders import (
    close_window,
    history_of,
    in_review,
    link_answers,
    make_board,
    next_try,
    outcome,
    person,
    reserved,
    send,
    verdict,
)
from workflows.api import HistoryKind, RunState, get_history, get_run, list_limits, set_limit
from workflows.testing import drive_until_idle

pytestmark = pytest.mark.django_db

SLOW = verdict(Code.TOO_SLOW)


def run_of(submission: Submission) -> UUID:
    submission.refresh_from_db()
    assert submission.run_id is not None
    return submission.run_id


def test_a_good_link_is_approved_and_the_maker_told(mailoutbox: list[EmailMessage]) -> None:
    submission = reserved(person("alice"), make_board())
    drive_until_idle()

    send(submission)
    with link_answers(verdict()):
        drive_until_idle()

    assert outcome(submission) == (Status.APPROVED, "", RunState.COMPLETED)
    assert submission.link_checked_at is not None and submission.decided_at is not None
    assert [letter.subject for letter in mailoutbox] == ["QueryLens is published"]


def test_a_bad_link_is_rejected_with_the_guards_sentence(mailoutbox: list[EmailMessage]) -> None:
    submission = in_review(person("alice"), make_board())

    with link_answers(verdict(Code.NO_SUCH_HOST)) as guard:
        drive_until_idle()

    assert outcome(submission) == (Status.REJECTED, Ended.BAD_LINK, RunState.COMPLETED)
    assert "domain name leads to no site" in submission.reason
    assert guard.call_count == 1
    assert submission.reason in mailoutbox[0].body


def test_a_reason_that_is_longer_than_its_column_is_cut() -> None:
    submission = in_review(person("alice"), make_board())

    long = mock.patch("submissions.steps.explain", return_value="long " * 100)
    with long, link_answers(verdict(Code.NOT_FOUND)):
        drive_until_idle()

    assert outcome(submission) == (Status.REJECTED, Ended.BAD_LINK, RunState.COMPLETED)
    assert len(submission.reason) == 400


def test_links_of_one_maker_are_tried_one_after_the_other_and_those_of_others_meanwhile() -> None:
    board, asked = make_board(), []
    first = reserved(person("alice"), board, slot=1)
    other = reserved(person("bob"), board, slot=3)
    drive_until_idle()
    set_limit("links of the site", 2)  # no worker lives here, whose slots it would be a share of

    def answer(url: str, **options: Any) -> Any:
        asked.append(url.split("/")[2])
        if len(asked) == 1:  # while the first try is under way, elsewhere
            Context().run(others)
        return verdict(Code.OK)

    def others() -> None:
        second = reserved(person("alice"), board, slot=2)
        send(second, link="https://two.example.com/")
        send(other, link="https://three.example.com/")
        drive_until_idle()
        told = f"limit links of a maker ({first.maker_id}): 1 of 1"
        assert get_run(run_of(second)).waiting_for == (told,)

    with mock.patch("submissions.steps.ask_the_guard", side_effect=answer):
        send(first, link="https://one.example.com/")
        drive_until_idle()

    assert asked == ["one.example.com", "three.example.com", "two.example.com"]


def test_links_of_one_host_are_tried_one_after_the_other_and_hold_no_worker_meanwhile() -> None:
    board = make_board()
    people = ("alice", "bob", "charlie")
    slow, same, other = (reserved(person(name), board, slot=n) for n, name in enumerate(people, 1))
    drive_until_idle()
    set_limit("links of the site", 2)
    at_once: list[tuple[str, int]] = []

    def answer(url: str, **options: Any) -> Any:
        taken = sum(each.taken for each in list_limits() if each.name == "links of a host")
        at_once.append((url, taken))
        if len(at_once) == 1:  # while the first try is under way, elsewhere
            Context().run(others)
        return verdict(Code.OK)

    def others() -> None:
        send(same, link="https://slow.example.com/two")
        send(other, link="https://quick.example.com/")
        drive_until_idle()
        told = "limit links of a host (slow.example.com): 1 of 1"
        assert get_run(run_of(same)).waiting_for == (told,)

    with mock.patch("submissions.steps.ask_the_guard", side_effect=answer):
        send(slow, link="https://slow.example.com/one")
        drive_until_idle()

    assert [url.split("/")[2].lower() for url, _ in at_once] == [
        "slow.example.com",
        "quick.example.com",
        "slow.example.com",
    ]
    assert [count for _, count in at_once] == [1, 2, 1]


def test_the_run_of_a_submission_is_its_makers() -> None:
    submission = reserved(person("alice"), make_board())

    assert get_run(run_of(submission)).tenant == str(submission.maker_id)


def test_the_link_check_asks_for_the_link_and_passes_the_allowed_networks() -> None:
    in_review(person("alice"), make_board(), link="https://querylens.dev/page")

    with link_answers(verdict()) as guard, allowed("127.0.0.0/8"):
        drive_until_idle()

    [call] = guard.call_args_list
    assert call.args == ("https://querylens.dev/page",)
    assert [str(network) for network in call.kwargs["allow"]] == ["127.0.0.0/8"]


def test_a_site_that_answers_at_the_third_try_is_approved() -> None:
    submission = in_review(person("alice"), make_board())

    with link_answers(SLOW, SLOW, verdict()):
        drive_until_idle()
        for _ in range(2):
            next_try(submission)

    assert outcome(submission) == (Status.APPROVED, "", RunState.COMPLETED)


def test_a_site_that_does_not_answer_in_five_tries_is_rejected_as_unreachable(
    mailoutbox: list[EmailMessage],
) -> None:
    submission = in_review(person("alice"), make_board())

    with link_answers(SLOW) as guard:
        drive_until_idle()
        for _ in range(4):
            next_try(submission)

    assert outcome(submission) == (Status.REJECTED, Ended.UNREACHABLE, RunState.COMPLETED)
    assert guard.call_count == 5
    assert "did not answer in time" in submission.reason
    assert "We tried 5 times" in submission.reason
    assert len(mailoutbox) == 1


def test_the_tries_are_spread_over_minutes_and_the_sites_own_wish_counts() -> None:
    submission = in_review(person("alice"), make_board())
    asked = verdict(Code.TOO_SLOW, retry_after_seconds=1800.0)

    waits = []
    with link_answers(SLOW, SLOW, asked):
        drive_until_idle()
        for _ in range(3):
            waits.append(seconds_to_next_try(submission))
            next_try(submission)

    assert 8 < waits[0] < 12 and 26 < waits[1] < 34
    assert 1790 < waits[2] <= 1800


def test_a_site_that_asks_for_a_second_does_not_use_up_its_tries_in_seconds() -> None:
    submission = in_review(person("alice"), make_board())
    hasty = verdict(Code.TOO_SLOW, retry_after_seconds=1.0)

    waits = []
    with link_answers(hasty):
        drive_until_idle()
        for _ in range(4):
            waits.append(seconds_to_next_try(submission))
            next_try(submission)

    assert [8 < waits[0] < 12, 26 < waits[1] < 34, 80 < waits[2] < 100] == [True] * 3
    assert 110 < waits[3] <= 120
    assert outcome(submission)[1] == Ended.UNREACHABLE


def test_a_site_that_asks_for_hours_holds_its_slot_for_two_of_them_at_most() -> None:
    submission = in_review(person("alice"), make_board())
    patient = verdict(Code.TOO_SLOW, retry_after_seconds=3600.0)

    waited = 0.0
    with link_answers(patient) as guard:
        drive_until_idle()
        for _ in range(2):
            waited += seconds_to_next_try(submission)
            next_try(submission)

    assert outcome(submission) == (Status.REJECTED, Ended.UNREACHABLE, RunState.COMPLETED)
    assert 7190 < waited <= 7200
    assert guard.call_count == 3
    assert (
        submission.reason
        == "The site did not answer in time; check that its server is healthy. We tried 3 times."
    )


def test_waits_of_many_lengths_never_add_up_to_more_than_two_hours() -> None:
    submission = in_review(person("alice"), make_board())
    answers = [verdict(Code.TOO_SLOW, retry_after_seconds=each) for each in (3000.0, 60.0, 3000.0)]
    last = verdict(Code.TOO_SLOW, retry_after_seconds=1200.0)

    with link_answers(*answers, last) as guard:
        drive_until_idle()
        for _ in range(3):
            next_try(submission)

    assert outcome(submission)[1] == Ended.UNREACHABLE
    assert guard.call_count == 4


def test_the_first_try_is_short_and_later_ones_are_longer() -> None:
    submission = in_review(person("alice"), make_board())

    with link_answers(SLOW) as guard:
        drive_until_idle()
        for _ in range(4):
            next_try(submission)

    budgets = [call.kwargs["budget_seconds"] for call in guard.call_args_list]
    assert budgets == [5.0, 10.0, 15.0, 15.0, 15.0]


def test_a_fault_of_ours_is_not_read_out_to_the_maker() -> None:
    submission = in_review(person("alice"), make_board())

    with mock.patch("submissions.steps.ask_the_guard", side_effect=KeyError("secret")):
        drive_until_idle()
        for _ in range(4):
            next_try(submission)

    assert outcome(submission)[:2] == (Status.REJECTED, Ended.UNREACHABLE)
    assert "secret" not in submission.reason


def test_no_details_free_the_slot_and_the_maker_is_told(mailoutbox: list[EmailMessage]) -> None:
    board = make_board()
    submission = reserved(person("alice"), board, 3)
    drive_until_idle()

    next_try(submission)

    assert outcome(submission) == (Status.CANCELLED, Ended.EXPIRED, RunState.COMPLETED)
    assert [letter.subject for letter in mailoutbox] == ["Slot 3 of Launch is no longer yours"]
    assert reserved(person("bob"), board, 3).pk != submission.pk


def test_a_slot_that_was_taken_over_when_overdue_is_mailed_once(
    mailoutbox: list[EmailMessage],
) -> None:
    board = make_board()
    submission = reserved(person("alice"), board, 3)
    drive_until_idle()
    close_window(submission)
    reserved(person("bob"), board, 3)

    next_try(submission)

    assert outcome(submission) == (Status.CANCELLED, Ended.EXPIRED, RunState.COMPLETED)
    assert [letter.to for letter in mailoutbox] == [["alice@example.com"]]


def test_details_that_won_at_the_deadline_go_on_although_the_timer_rang() -> None:
    submission = reserved(person("alice"), make_board())
    drive_until_idle()
    meddled = details_arrive_during(submission, moves.expire)

    with mock.patch("submissions.moves.expire", side_effect=meddled), link_answers(verdict()):
        next_try(submission)

    assert outcome(submission) == (Status.APPROVED, "", RunState.COMPLETED)
    assert history_of(submission, HistoryKind.WAIT_TIMED_OUT) == [""]
    assert history_of(submission, HistoryKind.EVENT_RECEIVED) == ["details"]


def test_a_mail_server_that_is_away_is_tried_again_with_the_same_message_id() -> None:
    submission = in_review(person("alice"), make_board())
    sent: list[str] = []

    def send_or_fail(letter: EmailMessage) -> int:
        sent.append(letter.extra_headers["Message-ID"])
        if len(sent) == 1:
            raise ConnectionRefusedError
        return 1

    with (
        link_answers(verdict()),
        mock.patch.object(EmailMessage, "send", autospec=True, side_effect=send_or_fail),
    ):
        drive_until_idle()
        next_try(submission)

    assert outcome(submission) == (Status.APPROVED, "", RunState.COMPLETED)
    assert len(sent) == 2 and sent[0] == sent[1]


def seconds_to_next_try(submission: Submission) -> float:
    assert submission.run_id is not None
    run = get_run(submission.run_id)
    last = get_history(submission.run_id)[-1]
    assert run.wake_at is not None
    return (run.wake_at - last.at).total_seconds()


def details_arrive_during(
    submission: Submission, expire: Callable[..., bool]
) -> Callable[..., bool]:
    """Return a step's move before which the maker's details are accepted."""

    def meddled(*args: Any, **options: Any) -> bool:
        send(submission)
        return expire(*args, **options)

    return meddled


def allowed(network: str) -> override_settings:
    return override_settings(SUBMISSIONS={"link_check_allow": [network]})
