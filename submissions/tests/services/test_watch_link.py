"""Who watches a published tool's link: its own run, or whoever published it without one."""

from io import StringIO

import pytest
from django.core.management import call_command

from submissions.services.watch_link import is_left_alone, watch_link
from submissions.tests.builders import (
    in_review,
    link_answers,
    make_board,
    person,
    prune_run,
    verdict,
    without_run,
)
from workflows.api import cancel, list_runs
from workflows.testing import advance, drive_until_idle

pytestmark = pytest.mark.django_db


def test_a_run_that_is_under_way_will_do_it_itself_and_one_that_has_ended_has_done_it() -> None:
    submission = in_review(person("alice"), make_board())
    assert not is_left_alone(submission)

    with link_answers(verdict()):
        drive_until_idle()

    assert not is_left_alone(submission)


def test_a_tool_without_a_run_is_left_alone_until_it_is_watched_once() -> None:
    submission = in_review(person("alice"), make_board())
    without_run(submission)
    submission.refresh_from_db()
    assert is_left_alone(submission)

    watch_link(submission.pk)
    watch_link(submission.pk)

    assert len([run for run in list_runs() if run.workflow == "submissions.link_watch"]) == 1


def test_a_tool_whose_run_was_pruned_is_left_alone_and_a_watch_that_was_pruned_begins_no_more() -> (
    None
):
    submission = in_review(person("alice"), make_board())
    prune_run(submission)
    assert is_left_alone(submission)
    watch_link(submission.pk)
    [watch] = list_runs()
    cancel(watch.id)
    advance(2)
    call_command("workflows_prune", "--older-than", "1s", stdout=StringIO())

    watch_link(submission.pk)

    assert list_runs() == []
