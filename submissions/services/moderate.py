"""What moderators decide. The row decides who was first; the run, if it still goes, only tells."""

from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction

from submissions import moves
from submissions.errors import AlreadyDecided
from submissions.flows import link_recheck, result_letter
from submissions.link_runs import goes_on, is_looked_at
from submissions.models import Submission
from submissions.review_run import stop_its_run
from submissions.services.watch_link import watch_link
from submissions.states import ACTIVE, PUBLISHED_OR_NEAR, Ended, Status
from submissions.too_late import NotExtended
from workflows import api as workflows

LONGEST_REASON = 300


@transaction.atomic
def approve(*, submission_id: UUID, by: User) -> None:
    """Publish a tool in review, whether or not its link check has ended. Raises AlreadyDecided."""
    submission = Submission.objects.get(pk=submission_id)
    if not moves.approve(submission_id, submission.name):
        raise already_decided(submission_id)
    if not announce(submission, Status.APPROVED, by):
        watch_link(submission_id)


@transaction.atomic
def reject(*, submission_id: UUID, reason: str, by: User) -> None:
    """Refuse a tool in review; the maker reads the reason. Raises AlreadyDecided."""
    submission = Submission.objects.get(pk=submission_id)
    if not moves.reject(submission_id, code=Ended.REFUSED, reason=reason):
        raise already_decided(submission_id)
    announce(submission, Status.REJECTED, by)


@transaction.atomic
def release(*, submission_id: UUID, reason: str, by: User) -> None:
    """Take the slot back from whoever holds it; the maker reads the reason. AlreadyDecided."""
    submission = Submission.objects.get(pk=submission_id)
    if not moves.cancel(submission_id, olds=list(ACTIVE), code=Ended.RELEASED, reason=reason):
        raise already_decided(submission_id)
    stop_its_run(submission, reason="released", by=by.get_username())
    write_letter(submission, Status.CANCELLED)


@transaction.atomic
def extend(*, submission_id: UUID, by: User) -> None:
    """Give a running reservation its time once more, one time. Raises NotExtended."""
    if not moves.extend(submission_id):
        raise NotExtended(Submission.objects.get(pk=submission_id).slot)


@transaction.atomic
def check_link(*, submission_id: UUID, by: User) -> None:
    """Look at the link now: the next try of the check under way, or a look of its own. Whoever asks
    while it is looked at changes nothing. Raises AlreadyDecided where it is over."""
    submission = Submission.objects.select_for_update(no_key=True).get(pk=submission_id)
    if submission.status not in PUBLISHED_OR_NEAR:
        raise already_decided(submission_id)
    if not is_looked_at(submission):
        run = workflows.start(link_recheck, submission_id=submission_id)
        Submission.objects.filter(pk=submission_id).update(recheck_run_id=run.id)
    elif submission.run_id and submission.link_checked_at is None and goes_on(submission.run_id):
        workflows.retry_now(submission.run_id, by=by.get_username())


def already_decided(submission_id: UUID) -> AlreadyDecided:
    submission = Submission.objects.get(pk=submission_id)
    return AlreadyDecided(submission.slot, submission.state_label)


def announce(submission: Submission, status: Status, by: User) -> bool:
    """Let the submission's own run go on with the decision; where there is none to do it, write the
    letter and return False."""
    payload = {"status": status, "by": by.get_username()}
    try:
        if submission.run_id is not None:
            workflows.send_event(submission.run_id, "decision", payload=payload, key="decision")
            return True
    except (workflows.RunIsOver, workflows.RunNotFound):
        pass
    write_letter(submission, status)
    return False


def write_letter(submission: Submission, status: Status) -> None:
    workflows.start(
        result_letter,
        key=f"letter-{submission.pk}-{status}",
        submission_id=submission.pk,
        status=status,
    )
