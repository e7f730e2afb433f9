"""Does a run look at a submission's link now, or soon?"""

from uuid import UUID

from submissions.models import Submission
from submissions.states import Status
from workflows import api as workflows


def is_looked_at(submission: Submission) -> bool:
    """Say whether its link check goes on, or a look that a moderator asked for."""
    checks = submission.status == Status.IN_REVIEW and submission.link_checked_at is None
    return (checks and goes_on(submission.run_id)) or goes_on(submission.recheck_run_id)


def goes_on(run_id: UUID | None) -> bool:
    if run_id is None:
        return False
    try:
        return not workflows.get_run(run_id).is_over
    except workflows.RunNotFound:
        return False
