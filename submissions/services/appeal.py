"""Ask a moderator to look at a submission whose link check failed. The row decides; its run sees that
when the time to ask is over."""

from uuid import UUID

from django.contrib.auth.models import User
from django.db.models.functions import Now

from submissions.models import Submission
from submissions.selectors import own_submission
from submissions.states import Status
from submissions.too_late import AppealTooLate


def appeal(*, maker: User, submission_id: UUID, words: str) -> Submission:
    """Keep what the maker says, and leave the decision to a moderator; calm where that was asked before.

    Raises SubmissionUnknown, AppealTooLate.
    """
    submission = own_submission(maker, submission_id)
    in_time = Submission.objects.filter(
        pk=submission_id, status=Status.IN_REVIEW, appeal_until__gt=Now(), appealed_at=None
    )
    won = in_time.update(appeal=words, appealed_at=Now()) == 1
    submission = own_submission(maker, submission_id)
    if not won and submission.appealed_at is None:
        raise AppealTooLate(submission.slot)
    return submission
