"""Submissions in review that nothing ends by itself are found, with what to do."""

from datetime import timedelta
from unittest import mock

import pytest
from django.contrib.auth.models import User
from django.db.models import F
from django.db.models.functions import Now
from django.test import Client

from submissions.causes import OUR_FAULT
from submissions.left_alone import left_alone
from submissions.models import Submission, SubmissionQuerySet
from submissions.services.moderate import approve
from submissions.states import Status
from submissions.tests.builders import (
    in_review,
    link_answers,
    make_board,
    moderator,
    person,
    verdict,
)
from workflows.api import Permanent, cancel, get_run
from workflows.testing import drive_until_idle

pytestmark = pytest.mark.django_db


def mona() -> Client:
    client = Client()
    client.force_login(User.objects.filter(username="mona").first() or moderator())
    return client


def failed() -> Submission:
    """Return a submission whose run has failed in a step that no release foresaw."""
    submission = in_review(person("alice"), make_board())
    broken = mock.patch.object(SubmissionQuerySet, "move", side_effect=Permanent("unforeseen"))
    with link_answers(verdict()), broken:
        drive_until_idle()
    submission.refresh_from_db()
    return submission


def long_ago() -> None:
    Submission.objects.update(details_at=F("details_at") - timedelta(hours=4))


def page(client: Client, submission: Submission) -> str:
    return client.get(f"/moderation/{submission.pk}/").content.decode()


def test_what_is_checked_as_it_should_is_not_left_alone() -> None:
    submission = in_review(person("alice"), make_board())

    assert left_alone() == []
    assert "Nothing ends this submission" not in page(mona(), submission)


def test_a_run_that_has_failed_is_found_at_once() -> None:
    submission = failed()
    client = mona()

    queue = client.get("/moderation/").content.decode()

    assert submission.status == Status.IN_REVIEW
    assert submission.run_id and get_run(submission.run_id).state in ("failed", "blocked")
    assert "Left alone" in queue and "QueryLens" in queue and "Nothing waits" not in queue
    assert "Its run " in page(client, submission)
    assert "Nothing ends this submission by itself" in page(client, submission)


def test_a_run_that_somebody_cancelled_is_found_by_the_age_of_its_submission() -> None:
    submission = in_review(person("alice"), make_board())
    assert submission.run_id
    cancel(submission.run_id, reason="by mistake", by="an operator")
    soon = left_alone()

    long_ago()

    assert (soon, left_alone()) == ([], [submission])
    assert "Its run was cancelled." in page(mona(), submission)


def test_a_run_that_is_gone_is_found_too() -> None:
    submission = in_review(person("alice"), make_board())
    Submission.objects.update(run_id=submission.pk)
    long_ago()

    assert left_alone() == [submission]
    assert "Its run is gone." in page(mona(), submission)


def test_an_appeal_that_nobody_closed_is_found() -> None:
    submission = in_review(person("alice"), make_board())
    Submission.objects.update(link_checked_at=Now(), appeal_until=Now() - timedelta(hours=4))

    assert left_alone() == [submission]


def test_what_was_decided_is_left_alone_no_longer() -> None:
    submission = failed()

    approve(submission_id=submission.pk, by=moderator())

    assert left_alone() == []
    submission.refresh_from_db()
    assert submission.status == Status.APPROVED


def test_a_look_that_did_not_come_to_an_end_is_not_called_a_check() -> None:
    submission = in_review(person("alice"), make_board())
    Submission.objects.update(link_checked_at=Now(), link_note=OUR_FAULT)

    shown = page(mona(), submission)

    assert "did not come to an end: nothing is known of it" in shown
    assert "Checked " not in shown
