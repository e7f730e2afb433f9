"""What waits for a moderator's decision, the oldest first."""

from dataclasses import dataclass
from uuid import UUID

from submissions.errors import SubmissionUnknown
from submissions.keyset import Order
from submissions.models import Submission

ON_A_PAGE = 25
COUNTED_AT_MOST = 1_000
"""More than that is no number that a person acts on, and to count it would read the whole queue."""
OLDEST_FIRST = Order("oldest", "details_at", is_time=True)


@dataclass(frozen=True, kw_only=True)
class Queue:
    """One page of what waits."""

    waiting: list[Submission]
    total: int
    is_more: bool
    """There are more than `total`."""
    earlier: str
    """The place to go back from; "": this is the first page."""
    later: str
    """The place to go on from; "": this is the last page."""


def queue(*, after: str = "", before: str = "") -> Queue:
    """Return what waits. A place that cannot be understood counts as none."""
    found = Submission.objects.waiting_for_a_decision()
    counted = found.order_by()[: COUNTED_AT_MOST + 1].count()
    rows = found.select_related("board", "maker")
    waiting, earlier, later = OLDEST_FIRST.page(rows, after, before, ON_A_PAGE)
    return Queue(
        waiting=waiting,
        total=min(counted, COUNTED_AT_MOST),
        is_more=counted > COUNTED_AT_MOST,
        earlier=earlier,
        later=later,
    )


def next_waiting(submission: Submission) -> Submission | None:
    """Return the next that waits after this one, from the beginning again after the last; None where
    no other one waits."""
    found = Submission.objects.waiting_for_a_decision().exclude(pk=submission.pk)
    if submission.details_at is not None:
        place = (submission.details_at, submission.pk)
        later = found.filter(OLDEST_FIRST.beyond(place, back=False))
        following = later.order_by("details_at", "pk").first()
        if following is not None:
            return following
    return found.order_by("details_at", "pk").first()


def find_submission(submission_id: UUID) -> Submission:
    """Return any submission, with its people and its time left. Raises SubmissionUnknown."""
    rows = Submission.objects.with_time_left().select_related("board", "maker")
    submission = rows.filter(pk=submission_id).first()
    if submission is None:
        raise SubmissionUnknown
    return submission
