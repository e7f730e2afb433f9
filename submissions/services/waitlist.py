"""Wait for a slot of a full board, or no longer."""

from django.contrib.auth.models import User
from django.db import transaction

from submissions import limits
from submissions.errors import BoardClosed, BoardHasRoom, BoardUnknown
from submissions.models import Board, Waiting
from submissions.selectors import free_slots


@transaction.atomic
def join(*, maker: User, board_slug: str) -> Waiting:
    """Take the last place in line; who has one keeps it.

    Raises BoardUnknown, BoardClosed, BoardHasRoom, TooOften.
    """
    # Against those who free a slot at this moment: they see this place, or we see their slot.
    locked = Board.objects.select_for_update(no_key=True)
    board = locked.with_is_open().filter(slug=board_slug).first()
    if board is None:
        raise BoardUnknown
    place = Waiting.objects.filter(board=board, maker=maker).first()
    if place is not None:
        return place
    if not board.is_open:
        raise BoardClosed(board.name)
    free = free_slots(board)
    if free:
        raise BoardHasRoom(free[0])
    place = Waiting.objects.create(board=board, maker=maker)
    limits.count(limits.account(maker.pk), limits.Deed.JOIN_WAITLIST)
    return place


def leave(*, maker: User, board_slug: str) -> None:
    """Give the place up; calm where there is none."""
    Waiting.objects.filter(board__slug=board_slug, maker=maker).delete()
