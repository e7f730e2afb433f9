"""Send the details: the row and the event are one commit, and the row says who won."""

from uuid import UUID

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Q

from submissions import moves
from submissions.conf import conf
from submissions.constraint import violated
from submissions.details import Details
from submissions.errors import (
    DetailsAlreadySent,
    DetailsInvalid,
    DetailsTooLate,
    LinkOnBoard,
)
from submissions.models import Submission
from submissions.selectors import own_submission
from submissions.states import Ended, Status
from submissions.too_much import TooManyChecks
from workflows import api as workflows

STOPPED = "The review was stopped by an operator; reserve a slot again to try once more."


def send_details(
    *, maker: User, submission_id: UUID, details: Details | None, typed: dict[str, str]
) -> Submission:
    """Take the details into review; `details` is None where the form found faults.

    Sending the same again after it worked is no fault: the same submission comes back. What was
    typed is kept as the draft with every refusal but DetailsAlreadySent. Raises SubmissionUnknown,
    DetailsInvalid, LinkOnBoard, TooManyChecks, DetailsTooLate, DetailsAlreadySent.
    """
    submission = own_submission(maker, submission_id)
    refusal: DetailsInvalid | LinkOnBoard | TooManyChecks = DetailsInvalid()
    if details is not None:
        try:
            accept(submission, details)
        except (LinkOnBoard, TooManyChecks) as why:
            refusal = why
        except (workflows.RunIsOver, workflows.RunNotFound):
            close_stopped(submission_id)
    moves.expire_overdue(Q(pk=submission_id))
    submission = own_submission(maker, submission_id)
    if submission.details_at is not None:
        if details is None or vars(details) != submission.sent:
            raise DetailsAlreadySent(submission)
        return submission
    Submission.objects.filter(pk=submission_id).update(draft=typed)
    if submission.status == Status.PENDING:
        raise refusal
    raise DetailsTooLate(submission)


@transaction.atomic
def accept(submission: Submission, details: Details) -> None:
    # The maker's other details wait here, and then count these.
    User.objects.select_for_update(no_key=True).get(pk=submission.maker_id)
    try:
        won = moves.start_review(submission.pk, details)
    except IntegrityError as error:
        if violated(error) == "one_active_link_per_board":
            raise LinkOnBoard from None
        raise
    if won:
        refuse_more_checks(submission.maker_id)
    if won and submission.run_id is not None:
        payload = {"link": details.link}
        workflows.send_event(submission.run_id, "details", payload=payload, key="details")


def refuse_more_checks(maker_id: int) -> None:
    """Raise TooManyChecks where these details would be one link too many at a time."""
    most = conf().open_link_checks
    if Submission.objects.waiting_for_a_verdict().filter(maker=maker_id).count() > most:
        raise TooManyChecks(most)


@transaction.atomic
def close_stopped(submission_id: UUID) -> None:
    moves.cancel(submission_id, olds=[Status.PENDING], code=Ended.RELEASED, reason=STOPPED)
