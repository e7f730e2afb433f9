"""A slot that falls free is reserved for the first who waits, in the transaction that frees it.

Nobody sees it free in between. The board's row is locked against people who join meanwhile
(`BoardQuerySet.hold`), so nobody joins unseen while the last slot falls free. Places are locked and
never waited for: two slots that fall free together go to two people, and nobody's wait is a circle.
"""

from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import Count, Exists, OuterRef, Q, SmallIntegerField, Subquery
from django.db.models.functions import Coalesce, Now

from submissions.constraint import violated
from submissions.models import Board, Submission, Waiting
from submissions.review_run import start_its_run, start_offer_letter
from submissions.seats import lowest_free
from submissions.states import Status

OFFER_SECONDS = 600
"""How long an offered slot waits for its details; the board's own time is for those who are there."""
MEANWHILE = {"one_open_reservation_per_person", "one_active_submission_per_seat"}
"""What they did themselves at this moment, so that they are passed over."""


def offer(board_id: int, slot: int, *, besides: int) -> None:
    """Offer a slot that this transaction has freed; `besides` is who had it."""
    board = Board.objects.with_is_open().get(pk=board_id)
    if not board.is_open or slot > board.slots:
        return
    passed_over: list[int] = []
    while (first := first_in_line(board, besides, passed_over)) is not None:
        submission = reserve_for(first, board, slot)
        if submission is not None:
            first.delete()
            start_its_run(submission, float(OFFER_SECONDS))
            start_offer_letter(submission)
            return
        passed_over.append(first.pk)


def first_in_line(board: Board, besides: int, passed_over: list[int]) -> Waiting | None:
    """Return who waits longest and may have a slot now, locked."""
    theirs = Submission.objects.filter(board=board, maker=OuterRef("maker"))
    held = theirs.holding().order_by().values("maker").annotate(held=Count("pk")).values("held")
    reserved = theirs.filter(status=Status.PENDING)
    waiting = Waiting.objects.filter(~Exists(reserved), board=board, maker__is_active=True)
    return (
        waiting.annotate(held=Coalesce(Subquery(held, output_field=SmallIntegerField()), 0))
        .filter(held__lt=board.slots_per_maker)
        .exclude(Q(maker=besides) | Q(pk__in=passed_over))
        .select_for_update(skip_locked=True, of=("self",))
        .order_by("pk")
        .first()
    )


def reserve_for(first: Waiting, board: Board, slot: int) -> Submission | None:
    """Reserve the slot for them; None where they took one themselves at this moment."""
    held = Submission.objects.holding().filter(board=board, maker=first.maker_id)
    seat = lowest_free(list(held.values_list("seat", flat=True)), board.slots_per_maker)
    if seat is None:
        return None
    submission = Submission(
        board=board,
        slot=slot,
        maker_id=first.maker_id,
        seat=seat,
        offered=True,
        expires_at=Now() + timedelta(seconds=OFFER_SECONDS),
    )
    try:
        with transaction.atomic():
            submission.save(force_insert=True)
    except IntegrityError as error:
        if violated(error) not in MEANWHILE:
            raise
        return None
    return submission
