"""Every way a submission can go, with a worker killed at every place: nothing differs."""

from typing import Any

import pytest
from django.core import mail

from submissions.models import Submission
from submissions.tests.stories import STORIES, set_the_stage
from workflows.testing import crash_everywhere

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", STORIES)
def test_a_worker_killed_anywhere_changes_nothing(name: str) -> None:
    set_the_stage()

    report = crash_everywhere(STORIES[name], observe=rows, at_least_once=letters)

    assert report.boundaries > 1.5 * report.statements > 0


def test_a_second_worker_killed_while_it_recovers_changes_nothing() -> None:
    set_the_stage()
    story = STORIES["released_with_a_letter_of_its_own"]

    report = crash_everywhere(story, observe=rows, at_least_once=letters, pairs=15)

    assert report.pairs == 15


def rows() -> list[dict[str, Any]]:
    found = Submission.objects.order_by("slot").values()
    times = {"reserved_at", "expires_at", "details_at", "link_checked_at", "decided_at"}
    ids = {"id", "board_id", "maker_id", "run_id"}
    return [
        {
            name: (value is not None) if name in times else value
            for name, value in row.items()
            if name not in ids
        }
        for row in found
    ]


def letters() -> list[tuple[str, str]]:
    return [(str(letter.subject), letter.extra_headers["Message-ID"]) for letter in mail.outbox]
