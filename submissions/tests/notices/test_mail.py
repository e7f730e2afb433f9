"""The letters: what they say, and that a name in them cannot become a header."""

from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.test import override_settings

from submissions.models import Submission
from submissions.notices import mail
from submissions.states import Status
from submissions.tests.builders import in_review, make_board, person, reserved

pytestmark = pytest.mark.django_db


@override_settings(SITE_URL="https://tools.example.com")
def letter(status: Status, **fields: Any) -> EmailMessage:
    submission = in_review(person("alice"), make_board())
    for field, value in ({"status": status, "slug": "querylens"} | fields).items():
        setattr(submission, field, value)
    written = mail.result(submission, status, "run:7")
    assert written is not None
    return written


def test_good_news_leads_to_the_tools_page() -> None:
    written = letter(Status.APPROVED)

    assert (written.to, written.subject) == (["alice@example.com"], "QueryLens is published")
    assert "https://tools.example.com/tools/querylens/" in written.body


@pytest.mark.parametrize("status", [Status.REJECTED, Status.CANCELLED])
def test_bad_news_tells_the_reason_and_the_way_on(status: Status) -> None:
    written = letter(status, reason="The page's <title> is empty & short.")

    assert "The page's <title> is empty & short." in written.body
    assert "https://tools.example.com/submissions/" in written.body


def test_an_expired_reservation_without_a_name_makes_a_whole_sentence() -> None:
    submission = reserved(person("alice"), make_board())
    submission.reason = "Time ran out."

    written = mail.result(submission, Status.CANCELLED, "run:3")

    assert written is not None
    assert written.subject == "Slot 3 of Launch is no longer yours"
    assert written.body.startswith("Your reservation no longer holds slot 3 of Launch.")


def test_a_name_with_line_breaks_stays_in_the_subject() -> None:
    written = letter(Status.APPROVED, name="Lens\r\nBcc: everybody@example.com")

    assert written.subject == "Lens Bcc: everybody@example.com is published"
    assert written.message()["Bcc"] is None


def test_one_letter_has_one_message_id_however_often_it_is_written() -> None:
    first, again = letter(Status.APPROVED), mail.message_id("run:7", "https://tools.example.com")

    assert first.message()["Message-ID"] == "<run.7@tools.example.com>" == again


def test_a_maker_without_an_address_gets_no_letter() -> None:
    submission = Submission(maker=person("alice"), board=make_board())
    submission.maker.email = ""

    assert mail.result(submission, Status.CANCELLED, "run:7") is None
