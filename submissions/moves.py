"""The moves of a submission: each is one compare-and-set UPDATE that tells whether it won.

Those that free a slot lock the board first and offer the slot to its waitlist, in the caller's
transaction. Services and the workflow's steps both come here, so a rule about a move has one home.
"""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now
from django.utils.text import Truncator, slugify

from submissions.constraint import violated
from submissions.details import Details
from submissions.models import LONGEST_REASON, Board, Submission, SubmissionQuerySet
from submissions.offers import offer
from submissions.states import Ended, Status

EXPIRED = "The time to send the details ran out, so the slot went back to the board."
LONGEST_SLUG_BASE = 60


def start_review(submission_id: UUID, details: Details) -> bool:
    """Accept the details if the window is still open. IntegrityError: the link is on the board."""
    in_time = Submission.objects.filter(expires_at__gt=Now())
    return in_time.move(
        submission_id,
        [Status.PENDING],
        Status.IN_REVIEW,
        name=details.name,
        category=details.category,
        link=details.link,
        link_key=details.link_key,
        tagline=details.tagline,
        description=details.description,
        draft={},
        details_at=Now(),
    )


def approve(submission_id: UUID, name: str) -> bool:
    """Publish the tool under an address of its own."""
    for slug in slugs_for(name, submission_id):
        try:
            with transaction.atomic():
                return Submission.objects.move(
                    submission_id,
                    [Status.IN_REVIEW],
                    Status.APPROVED,
                    slug=slug,
                    reason="",
                    reason_code="",
                    decided_at=Now(),
                )
        except IntegrityError as error:
            if violated(error) != "one_tool_per_slug":
                raise
    raise AssertionError("the last slug holds the submission's own id")


def slugs_for(name: str, submission_id: UUID) -> Iterator[str]:
    """Yield addresses to try, the plainest first; the last one is free for certain."""
    plain = slugify(name)[:LONGEST_SLUG_BASE].strip("-") or "tool"
    yield plain
    yield from (f"{plain}-{number}" for number in range(2, 10))
    yield f"tool-{submission_id.hex}"


def reject(
    submission_id: UUID, *, code: str, reason: str, among: SubmissionQuerySet | None = None
) -> bool:
    """Refuse it, if it is `among` these, and free the slot. A reason may hold a stranger's long
    address: it is cut."""
    hold_its_board(submission_id)
    won = (Submission.objects.all() if among is None else among).move(
        submission_id,
        [Status.IN_REVIEW],
        Status.REJECTED,
        reason_code=code,
        reason=Truncator(reason).chars(LONGEST_REASON),
        decided_at=Now(),
    )
    return won and offer_its_slot(submission_id)


def open_appeal(submission_id: UUID, *, code: Ended, reason: str, seconds: int) -> None:
    """Keep the verdict of a failed check, and the slot for so long: the maker may ask a moderator."""
    Submission.objects.filter(pk=submission_id, status=Status.IN_REVIEW).update(
        reason_code=code,
        reason=Truncator(reason).chars(LONGEST_REASON),
        appeal_until=Now() + timedelta(seconds=seconds),
    )


def close_appeal(submission_id: UUID) -> bool:
    """Reject it with the verdict that it has, unless its maker asked for a moderator."""
    found = Submission.objects.get(pk=submission_id)
    unasked = Submission.objects.filter(appealed_at=None)
    return reject(submission_id, code=found.reason_code, reason=found.reason, among=unasked)


def cancel(
    submission_id: UUID,
    *,
    olds: list[Status],
    code: Ended,
    reason: str,
    among: SubmissionQuerySet | None = None,
) -> bool:
    """End it, if it is `among` these, and free the slot; a released tool's address is free for others
    too."""
    hold_its_board(submission_id)
    won = (Submission.objects.all() if among is None else among).move(
        submission_id,
        olds,
        Status.CANCELLED,
        reason_code=code,
        reason=reason,
        slug="",
        decided_at=Now(),
    )
    return won and offer_its_slot(submission_id)


def hold_its_board(submission_id: UUID) -> None:
    Board.objects.filter(pk__in=board_of(submission_id)).hold()


def board_of(submission_id: UUID) -> QuerySet[Submission, int]:
    return Submission.objects.filter(pk=submission_id).values_list("board_id", flat=True)


def offer_its_slot(submission_id: UUID) -> bool:
    """Offer the slot that has just been freed; always True."""
    freed = Submission.objects.only("board_id", "slot", "maker_id").get(pk=submission_id)
    offer(freed.board_id, freed.slot, besides=freed.maker_id)
    return True


def expire(submission_id: UUID, *, extended: bool) -> bool:
    """Cancel a reservation whose timer ran out; False if the details won, or an extension of which the
    timer did not know."""
    among = Submission.objects.filter(extended=extended)
    return cancel(
        submission_id, olds=[Status.PENDING], code=Ended.EXPIRED, reason=EXPIRED, among=among
    )


def extend(submission_id: UUID) -> bool:
    """Double the time for the details, once, while it has not run out."""
    running = Submission.objects.filter(
        pk=submission_id, status=Status.PENDING, expires_at__gt=Now(), extended=False
    )
    again = F("expires_at") + (F("expires_at") - F("reserved_at"))
    return running.update(expires_at=again, extended=True) == 1


def expire_overdue(which: Q) -> None:
    """Cancel the overdue reservations among `which` without waiting for the cluster.

    Their runs find that out when their timers ring, and write to the makers.
    """
    overdue = Submission.objects.overdue().filter(which)
    with transaction.atomic():
        for board_id in sorted(set(overdue.values_list("board_id", flat=True))):
            Board.objects.filter(pk=board_id).hold()
            expire_on(board_id, overdue)


def expire_on(board_id: int, overdue: QuerySet[Submission]) -> None:
    # Locked in one order, so that two people who clear each other's way cannot deadlock.
    found = list(overdue.filter(board=board_id).select_for_update().order_by("pk"))
    Submission.objects.filter(pk__in=[row.pk for row in found]).update(
        status=Status.CANCELLED, reason_code=Ended.EXPIRED, reason=EXPIRED, decided_at=Now()
    )
    for row in found:
        offer(board_id, row.slot, besides=row.maker_id)
