"""Give a slot back."""

from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction

from submissions import limits, moves
from submissions.models import Submission
from submissions.review_run import stop_its_run
from submissions.selectors import own_submission
from submissions.states import Ended, Status

GIVEN_BACK = "You gave the slot back."


@transaction.atomic
def withdraw(*, maker: User, submission_id: UUID) -> Submission:
    """Free the slot and stop the run; calm where it is over already.

    Raises SubmissionUnknown, TooOften.
    """
    submission = own_submission(maker, submission_id)
    won = moves.cancel(
        submission_id,
        olds=[Status.PENDING, Status.IN_REVIEW],
        code=Ended.WITHDRAWN,
        reason=GIVEN_BACK,
    )
    if won:
        stop_its_run(submission, reason="withdrawn", by=maker.get_username())
        limits.count(limits.account(maker.pk), limits.Deed.WITHDRAW)
    return own_submission(maker, submission_id)
