"""Who watches a published tool's link: its own run, or whoever published it without one."""

import pytest

from submissions.services.watch_link import is_left_alone, watch_link
from submissions.tests.builders import (
    in_review,
    link_answers,
    make_board,
    person,
    verdict,
    without_run,
)
from workflows.api import list_runs
from workflows.testing import drive_until_idle

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
