"""What pages read. Each selector asks the database a counted number of times (in its test)."""

from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import QuerySet, Subquery

from submissions.errors import BoardUnknown, SubmissionUnknown, ToolUnknown
from submissions.models import Board, Submission, Waiting
from submissions.states import Status

MINE_AT_MOST = 200

Viewer = User | AnonymousUser


def current_board() -> Board:
    """Return the newest open board, or the newest of all. Raises BoardUnknown without any."""
    board = Board.objects.current_first().first()
    if board is None:
        raise BoardUnknown
    return board


def find_board(slug: str) -> Board:
    """Return the board with `is_open`. Raises BoardUnknown."""
    board = Board.objects.with_is_open().filter(slug=slug).first()
    if board is None:
        raise BoardUnknown
    return board


def own_submission(maker: User, submission_id: UUID) -> Submission:
    """Return the maker's submission with its board and time left. Raises SubmissionUnknown."""
    mine = Submission.objects.with_time_left().select_related("board")
    submission = mine.filter(pk=submission_id, maker=maker).first()
    if submission is None:
        raise SubmissionUnknown
    return submission


def open_reservation(viewer: Viewer) -> Submission | None:
    """Return the viewer's reservation that ends first and still waits for details."""
    if not isinstance(viewer, User):
        return None
    waiting = Submission.objects.holding().filter(maker=viewer, status=Status.PENDING)
    return waiting.with_time_left().select_related("board").order_by("expires_at").first()


def open_reservation_on(maker: User, board: Board) -> Submission | None:
    """Return the maker's reservation on this board that waits for details."""
    waiting = Submission.objects.holding().filter(maker=maker, status=Status.PENDING)
    return waiting.filter(board=board).first()


@dataclass(frozen=True, kw_only=True)
class WaitlistPlace:
    """Where somebody stands in line."""

    number: int
    of: int
    reason: str
    """Why a slot would pass them over now; empty where it would not."""


def waitlist_place(viewer: Viewer, board: Board) -> WaitlistPlace | None:
    """Return the viewer's place on the board's waitlist, or None."""
    if not isinstance(viewer, User):
        return None
    mine = Waiting.objects.filter(board=board, maker=viewer).values("pk")
    in_line = Waiting.objects.filter(board=board, pk__lte=Subquery(mine))
    number = in_line.count()
    if number == 0:
        return None
    of = Waiting.objects.filter(board=board).count()
    return WaitlistPlace(number=number, of=of, reason=passed_over_because(viewer, board))


def passed_over_because(maker: User, board: Board) -> str:
    held = board.submissions.active().filter(maker=maker).values_list("status", flat=True)
    if Status.PENDING in held:
        return "You hold a reservation here. As long as you do, slots go to the next in line."
    if len(held) >= board.slots_per_maker:
        return "You hold all the slots you can have here. As long as you do, slots go to the next."
    return ""


def my_submissions(maker: User) -> QuerySet[Submission]:
    """Return the maker's submissions, newest first."""
    return maker.submissions.select_related("board").order_by("-reserved_at")[:MINE_AT_MOST]


def free_slots(board: Board) -> list[int]:
    """Return the numbers of the slots that can be reserved now; none on a closed board."""
    if not find_board(board.slug).is_open:
        return []
    taken = set(board.submissions.holding().values_list("slot", flat=True))
    return [number for number in range(1, board.slots + 1) if number not in taken]


def find_tool(slug: str) -> Submission:
    """Return the approved tool at this address. Raises ToolUnknown."""
    tool = Submission.objects.approved().filter(slug=slug).select_related("board").first()
    if tool is None:
        raise ToolUnknown
    return tool
