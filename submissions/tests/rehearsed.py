"""A story of a submission, rehearsed with a worker killed at its places."""

from typing import Any

from django.core import mail
from django.db.models import F

from submissions.models import Submission, Waiting
from submissions.tests.stories import STORIES, set_the_stage
from workflows.api import list_runs
from workflows.testing import CrashReport, crash_everywhere

RESERVED_BY_A_STEP = {"offered_when_the_time_ran_out", "offered_again_and_taken"}
"""Their offers have other ids where the step is made again; `rows` compares all but ids."""


def rehearse(name: str, **options: Any) -> CrashReport:
    """Kill a worker at the places of a story; options: of crash_everywhere."""
    set_the_stage()
    ignore = [Submission] if name in RESERVED_BY_A_STEP else []
    return crash_everywhere(
        STORIES[name], observe=rows, at_least_once=letters, ignore=ignore, **options
    )


def rows() -> list[dict[str, Any]]:
    in_order = Submission.objects.order_by("board", "slot", "reserved_at")
    found = in_order.annotate(who=F("maker__username")).values()
    there_or_not = {
        "run_id",
        "reserved_at",
        "expires_at",
        "details_at",
        "link_checked_at",
        "decided_at",
        "appeal_until",
        "appealed_at",
        "recheck_run_id",
    }
    ids = {"id", "board_id", "maker_id"}
    waiting = [{"waits": place.maker.username} for place in Waiting.objects.order_by("pk")]
    return waiting + [
        {
            name: (value is not None) if name in there_or_not else value
            for name, value in row.items()
            if name not in ids
        }
        for row in found
    ]


def letters() -> list[tuple[str, str]]:
    names = names_of_runs()
    return [(str(letter.subject), which(letter, names)) for letter in mail.outbox]


def which(letter: mail.EmailMessage, names: dict[str, str]) -> str:
    """Return the letter's Message-ID with its run's name in place of the id."""
    run_id, _, rest = letter.extra_headers["Message-ID"].removeprefix("<").partition(".")
    return f"{names[run_id]}.{rest}"


def names_of_runs() -> dict[str, str]:
    """A run that a step starts has another id when the step is made again: count them instead."""
    runs = sorted(list_runs(limit=100), key=lambda run: (run.created_at, run.workflow))
    return {str(run.id): f"{number}. {run.workflow}" for number, run in enumerate(runs)}
