"""Submissions in review that nothing ends by itself: a moderator decides, or has the run retried."""

from datetime import timedelta

from django.db.models import Q
from django.db.models.functions import Now

from submissions.models import WAITING_FOR_A_DECISION, Submission
from submissions.review_run import TOOL_SUBMISSION
from submissions.states import Status
from workflows import api as workflows

LONGEST_CHECK = timedelta(hours=3)
"""A link may put its check off for two hours in all; then there are some tries."""
STOPPED = {
    "blocked": "is blocked",
    "failed": "has failed",
    "cancelled": "was cancelled",
    "compensated": "was undone",
    "completed": "has ended",
}
"""States of a run that does not go on by itself."""
TELLING_STATES = ("blocked", "failed")
"""They are few. Of cancelled runs there is one for each slot that was given back, so what they leave
behind is found by its age."""
RUNS_AT_MOST = 200
SHOWN_AT_MOST = 25


def left_alone() -> list[Submission]:
    """Return those whose run has stopped, or has got nowhere for longer than a check can take; the
    oldest first, and none that waits for a decision anyway."""
    stopped = workflows.list_runs(
        workflow=TOOL_SUBMISSION, state=TELLING_STATES, limit=RUNS_AT_MOST
    )
    overdue = Q(link_checked_at=None, details_at__lt=Now() - LONGEST_CHECK)
    unclosed = Q(appealed_at=None, appeal_until__lt=Now() - LONGEST_CHECK)
    in_review = Submission.objects.filter(status=Status.IN_REVIEW).exclude(WAITING_FOR_A_DECISION)
    found = in_review.filter(Q(run_id__in=[run.id for run in stopped]) | overdue | unclosed)
    return list(found.select_related("board", "maker").order_by("details_at", "pk")[:SHOWN_AT_MOST])


def why_left_alone(submission: Submission) -> str:
    """Say what has become of the run of a submission in review; "" while it goes on, or where there
    never was one."""
    if submission.status != Status.IN_REVIEW or submission.run_id is None:
        return ""
    try:
        state = workflows.get_run(submission.run_id).state
    except workflows.RunNotFound:
        return "Its run is gone."
    return f"Its run {STOPPED[state]}." if state in STOPPED else ""
