"""Reserve a slot: the row and its run are one commit."""

from datetime import timedelta
from uuid import UUID

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Now

from submissions import limits, moves
from submissions.constraint import violated
from submissions.errors import (
    BoardClosed,
    BoardUnknown,
    CarryUnknown,
    KeyReused,
    KeyUnusable,
    OpenReservation,
    Refused,
    SlotsUsedUp,
    SlotTaken,
    SlotUnknown,
)
from submissions.models import Board, Submission
from submissions.review_run import start_its_run
from submissions.seats import lowest_free
from submissions.states import FINISHED, Status

TRIES = 3
"""Each try sees what others committed meanwhile; more than one repeat takes three people."""
RIVALRIES = {
    "one_active_submission_per_slot",
    "one_open_reservation_per_person",
    "one_active_submission_per_seat",
    "one_submission_per_idempotency_key",
}
LONGEST_KEY = 200


def reserve_slot(
    *,
    maker: User,
    board_slug: str,
    slot: int,
    idempotency_key: str | None = None,
    carry: str = "",
    reservation_seconds: int | None = None,
) -> Submission:
    """Hold the slot for the maker and start the countdown, the board's unless another is given.

    The same maker asking again for the same slot, or for it with the same key, gets the same
    submission; None is no key.
    `carry` names a finished submission of the maker's whose typed details become the draft.
    Raises BoardUnknown, SlotUnknown, BoardClosed, SlotTaken, OpenReservation, SlotsUsedUp,
    TooOften, CarryUnknown, KeyUnusable, KeyReused.
    """
    refuse_bad_key(idempotency_key)
    with transaction.atomic():
        board = hold_board(board_slug)
        if not 1 <= slot <= board.slots:
            raise SlotUnknown(slot, board.slots)
        source = carried(maker, carry)
        seconds = reservation_seconds or board.reservation_seconds
        wanted = Submission(
            board=board,
            slot=slot,
            maker=maker,
            idempotency_key=idempotency_key or "",
            draft=source.typed if source else {},
            carried_from=source,
            expires_at=Now() + timedelta(seconds=seconds),
        )
        try:
            return insert(wanted) or with_its_run(wanted, float(seconds))
        except Refused as refused:
            # Committed all the same: what was overdue is over, and may be somebody else's now.
            refusal = refused
    raise refusal


def refuse_bad_key(key: str | None) -> None:
    if key is None:
        return
    if not key or len(key) > LONGEST_KEY or not all("!" <= character <= "~" for character in key):
        raise KeyUnusable


def hold_board(slug: str) -> Board:
    board = Board.objects.filter(slug=slug).hold()
    if board is None:
        raise BoardUnknown
    return board


def carried(maker: User, carry: str) -> Submission | None:
    """Return the maker's finished submission to copy from."""
    if not carry:
        return None
    try:
        return Submission.objects.get(pk=UUID(carry), maker=maker, status__in=FINISHED)
    except (ValueError, Submission.DoesNotExist):
        raise CarryUnknown from None


def insert(wanted: Submission) -> Submission | None:
    """Insert the row, or return the earlier one this request repeats. The constraints decide."""
    for _ in range(TRIES):
        rivals = find_rivals(wanted)
        earlier = earlier_one(wanted, rivals)
        if earlier is not None:
            return earlier
        wanted.seat = refuse_or_seat(wanted, rivals)
        try:
            with transaction.atomic():
                wanted.save(force_insert=True)
            return None
        except IntegrityError as error:
            if violated(error) not in RIVALRIES:
                raise
        overdue = Q(slot=wanted.slot) | Q(maker=wanted.maker)
        moves.expire_overdue(Q(board=wanted.board) & overdue)
    raise SlotTaken(wanted.slot)


def find_rivals(wanted: Submission) -> list[Submission]:
    """Return what may stand in the way: the slot's holder, the maker's own, the key's first use."""
    in_the_way = Q(slot=wanted.slot) | Q(maker=wanted.maker)
    found = list(Submission.objects.holding().filter(in_the_way, board=wanted.board))
    if wanted.idempotency_key:
        key = wanted.idempotency_key
        found += Submission.objects.filter(maker=wanted.maker, idempotency_key=key)
    return found


def earlier_one(wanted: Submission, rivals: list[Submission]) -> Submission | None:
    """Return what an earlier request of this kind has made. Raises KeyReused."""
    mine = [rival for rival in rivals if rival.maker_id == wanted.maker_id]
    same = [each for each in mine if (each.board_id, each.slot) == (wanted.board_id, wanted.slot)]
    if wanted.idempotency_key:
        for rival in mine:
            if rival.idempotency_key == wanted.idempotency_key:
                if rival in same:
                    return rival
                raise KeyReused(rival.slot)
    return same[0] if same else None


def refuse_or_seat(wanted: Submission, rivals: list[Submission]) -> int:
    """Return which of the maker's seats is free."""
    if not wanted.board.is_open:
        raise BoardClosed(wanted.board.name)
    if any(rival.slot == wanted.slot for rival in rivals):
        raise SlotTaken(wanted.slot)
    for rival in rivals:
        if rival.status == Status.PENDING:
            raise OpenReservation(rival.slot)
    seat = lowest_free([rival.seat for rival in rivals], wanted.board.slots_per_maker)
    if seat is None:
        raise SlotsUsedUp(wanted.board.slots_per_maker)
    return seat


def with_its_run(submission: Submission, reservation_seconds: float) -> Submission:
    start_its_run(submission, reservation_seconds)
    limits.count(limits.account(submission.maker_id), limits.Deed.RESERVE)
    return Submission.objects.with_time_left().select_related("board").get(pk=submission.pk)
