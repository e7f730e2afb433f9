"""Start what accompanies a reservation. By name: the workflow's own steps come here too."""

from contextlib import suppress

from submissions.models import Submission
from workflows import api as workflows

TOOL_SUBMISSION = "submissions.tool_submission"
OFFER_LETTER = "submissions.offer_letter"


def start_its_run(submission: Submission, reservation_seconds: float) -> None:
    """Start the run that waits for the details, in the caller's transaction."""
    run = workflows.start(
        TOOL_SUBMISSION,
        key=f"submission-{submission.pk}",
        tenant=str(submission.maker_id),  # makers take turns, however many links one of them sends
        submission_id=submission.pk,
        window_seconds=reservation_seconds,  # the name that open runs have it under
    )
    Submission.objects.filter(pk=submission.pk).update(run_id=run.id)


def start_offer_letter(submission: Submission) -> None:
    """Start the run that tells somebody who waited, in the caller's transaction."""
    workflows.start(OFFER_LETTER, key=f"offer-{submission.pk}", submission_id=submission.pk)


def stop_its_run(submission: Submission, *, reason: str, by: str) -> None:
    """Cancel the run, where there is one that has not ended long ago and been pruned."""
    if submission.run_id is not None:
        with suppress(workflows.RunNotFound):
            workflows.cancel(submission.run_id, reason=reason, by=by)
