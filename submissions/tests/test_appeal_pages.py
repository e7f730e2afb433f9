"""What a maker sees after a failed check on a board that lets them ask a moderator."""

from typing import Any

import pytest
from django.test import Client

from submissions.link_check import Code, explain
from submissions.models import Submission
from submissions.services.withdraw import withdraw
from submissions.slot_board import slot_board
from submissions.states import Status
from submissions.tests.builders import (
    in_review,
    link_answers,
    make_board,
    person,
    signed_in,
    verdict,
)
from workflows.testing import drive_until_idle

pytestmark = pytest.mark.django_db

WORDS = "It works for me."


def failed() -> Submission:
    submission = in_review(person("alice"), make_board(appeal_seconds=3600))
    with link_answers(verdict(Code.NOT_FOUND)):
        drive_until_idle()
    submission.refresh_from_db()
    return submission


def page_of(submission: Submission) -> str:
    return f"/submissions/{submission.pk}/"


def ask(submission: Submission, client: Client, words: str = WORDS) -> Any:
    return client.post(f"{page_of(submission)}appeal", {"words": words})


def test_the_verdict_is_shown_and_a_moderator_can_be_asked() -> None:
    submission, alice = failed(), signed_in("alice")

    page = alice.get(page_of(submission)).content.decode()
    live = alice.get(page_of(submission), headers={"HX-Request": "true"})
    asked = ask(submission, alice)
    after = alice.get(page_of(submission)).content.decode()

    assert explain(verdict(Code.NOT_FOUND)) in page and "Ask a moderator to look" in page
    # What somebody is typing into is not swapped.
    assert live.status_code == 286 and "hx-get" not in live.content.decode()
    assert (asked.status_code, asked.headers["Location"]) == (303, page_of(submission))
    assert f"You wrote: {WORDS}" in after and "Ask a moderator to look" not in after


@pytest.mark.parametrize("words", ["", " ", "x" * 301, "a\0b", "a\u202eb"])
def test_one_sentence_is_asked_for(words: str) -> None:
    submission = failed()

    answer = ask(submission, signed_in("alice"), words)

    assert answer.status_code == 422
    assert "One thing needs fixing" in answer.content.decode()
    submission.refresh_from_db()
    assert submission.appealed_at is None


def test_nobody_else_can_ask() -> None:
    submission = failed()

    assert ask(submission, signed_in("bob")).status_code == 404
    assert ask(submission, Client()).status_code == 302
    submission.refresh_from_db()
    assert submission.appealed_at is None


def test_too_late_is_told_and_a_reload_of_it_leads_back() -> None:
    submission, alice = failed(), signed_in("alice")
    withdraw(maker=submission.maker, submission_id=submission.pk)

    answer = ask(submission, alice)
    reload = alice.get(f"{page_of(submission)}appeal")

    assert answer.status_code == 409
    assert "A moderator cannot be asked any more" in answer.content.decode()
    assert (reload.status_code, reload.headers["Location"]) == (302, page_of(submission))


def test_the_board_says_for_whom_it_waits() -> None:
    submission = failed()
    board = submission.board

    def label() -> str:
        board.is_open = True
        return slot_board(person("bob"), board).cells[2].label

    assert label() == "Waiting for its maker"
    ask(submission, signed_in("alice"))
    assert label() == "Waiting for a moderator"


def test_where_no_moderator_is_needed_none_is_spoken_of() -> None:
    submission = in_review(person("alice"), make_board())

    page = signed_in("alice").get(page_of(submission)).content.decode()

    assert submission.status == Status.IN_REVIEW
    assert "oderator" not in page
