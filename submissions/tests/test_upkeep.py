"""A published tool's link is looked at every week; who cares for it hears of it when it stays broken."""

from io import StringIO

import pytest
from django.contrib.auth.models import Permission, User
from django.core.mail import EmailMessage
from django.core.management import call_command

from submissions import moves
from submissions.link_check import Code
from submissions.models import Submission
from submissions.services.moderate import approve, release
from submissions.states import Status
from submissions.tests.builders import (
    in_review,
    link_answers,
    make_board,
    moderator,
    person,
    stop_run,
    verdict,
    without_run,
)
from submissions.tests.stories import link_tries
from submissions.upkeep import SECONDS_BETWEEN_LOOKS
from workflows.api import RunState, RunView, list_runs
from workflows.testing import advance, drive_until_idle

pytestmark = pytest.mark.django_db

WALLED, GONE, AWAY = Code.FORBIDDEN, Code.NOT_FOUND, Code.TOO_SLOW


def published() -> Submission:
    """An approved tool whose own letter is not of interest here."""
    submission = in_review(person("alice"), make_board())
    with link_answers(verdict()):
        drive_until_idle()
    return submission


def weeks_of(*codes: Code) -> None:
    """Let a week pass for each, in which the link answers so."""
    for code in codes:
        with link_tries(code):
            advance(seconds=SECONDS_BETWEEN_LOOKS)


def watches() -> list[RunView]:
    return [run for run in list_runs() if run.workflow == "submissions.link_watch"]


def open_watches() -> list[RunView]:
    return [run for run in watches() if run.state == RunState.WAITING]


def test_an_approved_tool_is_watched_from_then_on() -> None:
    published()

    assert len(open_watches()) == 1


def test_so_is_one_that_a_moderator_approved_after_its_run_had_ended() -> None:
    submission = in_review(person("alice"), make_board(needs_moderator=True))
    stop_run(submission)

    approve(submission_id=submission.pk, by=moderator())
    drive_until_idle()

    assert len(open_watches()) == 1


def test_a_refused_tool_is_not() -> None:
    in_review(person("alice"), make_board())
    with link_answers(verdict(GONE)):
        drive_until_idle()

    assert watches() == []


def test_three_failures_in_a_row_tell_maker_and_moderators_once(
    mailoutbox: list[EmailMessage],
) -> None:
    moderator()
    submission = published()
    mailoutbox.clear()

    weeks_of(GONE, GONE)
    assert mailoutbox == []
    weeks_of(GONE, GONE, GONE)

    to_maker, to_moderators = mailoutbox
    assert to_maker.to == ["alice@example.com"]
    assert to_maker.subject == "The link of QueryLens does not work"
    assert submission.link in to_maker.body and "/tools/querylens/" in to_maker.body
    assert (to_moderators.to, to_moderators.bcc) == ([], ["mona@example.com"])
    assert f"/admin/submissions/submission/{submission.pk}/change/" in to_moderators.body


def test_a_link_that_works_in_between_begins_the_count_anew(mailoutbox: list[EmailMessage]) -> None:
    published()
    mailoutbox.clear()

    weeks_of(GONE, GONE, Code.OK, GONE, GONE)
    assert mailoutbox == []
    weeks_of(GONE)

    assert len(mailoutbox) == 1


def test_a_site_that_lets_no_machine_in_is_no_broken_link(mailoutbox: list[EmailMessage]) -> None:
    submission = published()
    mailoutbox.clear()

    weeks_of(WALLED, WALLED, WALLED)

    submission.refresh_from_db()
    assert mailoutbox == []
    assert submission.link_note != ""


def test_a_site_that_is_away_for_all_tries_of_three_weeks_is_told(
    mailoutbox: list[EmailMessage],
) -> None:
    published()
    mailoutbox.clear()

    weeks_of(AWAY, AWAY, AWAY)
    advance(seconds=3600)

    assert [letter.to for letter in mailoutbox] == [["alice@example.com"]]


def test_a_look_is_kept_for_moderators_and_leaves_the_tool_published() -> None:
    submission = published()
    submission.refresh_from_db()
    before = submission.link_checked_at
    assert before is not None

    weeks_of(GONE)

    submission.refresh_from_db()
    assert submission.link_checked_at is not None and submission.link_checked_at > before
    assert submission.link_note != "" and submission.status == Status.APPROVED


def test_the_watch_ends_with_the_tool(mailoutbox: list[EmailMessage]) -> None:
    submission = published()
    release(submission_id=submission.pk, reason="It moved.", by=moderator())
    drive_until_idle()
    mailoutbox.clear()

    weeks_of(GONE)

    assert open_watches() == [] and mailoutbox == []
    assert [run.output for run in watches()] == ["no longer published"]


def test_only_staff_who_may_decide_about_tools_hear_of_it(mailoutbox: list[EmailMessage]) -> None:
    may = Permission.objects.get(codename="change_submission")
    for name, is_staff in (("staff", True), ("visitor", False)):
        person(name).user_permissions.add(may)
        User.objects.filter(username=name).update(is_staff=is_staff)
    User.objects.filter(pk=person("idle").pk).update(is_staff=True)
    published()
    mailoutbox.clear()

    weeks_of(GONE, GONE, GONE)

    assert mailoutbox[1].bcc == ["staff@example.com"]


def test_tools_published_before_are_watched_by_command_and_once() -> None:
    published()
    board = Submission.objects.get().board
    left_alone = in_review(person("bob"), board, 4, name="Other", link="https://other.dev/")
    without_run(left_alone)
    assert moves.approve(left_alone.pk, "Other")
    said = StringIO()

    call_command("watch_links", stdout=said)
    drive_until_idle()
    call_command("watch_links", stdout=said)
    drive_until_idle()

    assert said.getvalue().startswith("1 of 2 published tools")
    assert len(watches()) == 2
