"""Begin to look every week at the link of a published tool."""

from contextlib import suppress
from uuid import UUID

from submissions.flows import link_watch
from submissions.models import Submission
from workflows import api as workflows


def watch_link(submission_id: UUID) -> None:
    """Watch it, once; not again where the watch has ended and was pruned. Only for a tool whose own run does not do that as it ends."""
    key = f"link-watch-{submission_id}"
    with suppress(workflows.RunPruned):
        workflows.start.using(key=key)(link_watch, submission_id=submission_id)


def is_left_alone(submission: Submission) -> bool:
    """Say whether the submission's own run has ended without beginning a watch, or there is none: a run
    is not pruned while the watch that it began goes on."""
    try:
        if submission.run_id is None or not workflows.get_run(submission.run_id).is_over:
            return submission.run_id is None
        names = {entry.name for entry in workflows.get_history(submission.run_id)}
    except workflows.RunNotFound:
        return True
    return "submissions.link_watch" not in names
