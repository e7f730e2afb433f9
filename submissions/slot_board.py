"""The board as its page shows it: one cell per slot, read with one query."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from submissions.board_version import version_of
from submissions.models import Board, Submission
from submissions.selectors import Viewer
from submissions.states import Status

FREE = "free"
CELL_STATES = {
    Status.PENDING: "reserved",
    Status.IN_REVIEW: "in_review",
    Status.APPROVED: "approved",
}
FILTERS = (FREE, *CELL_STATES.values())


@dataclass(frozen=True, kw_only=True)
class SlotCell:
    """What one viewer may see of one slot."""

    number: int
    state: str = FREE
    mine: bool = False
    name: str = ""
    tagline: str = ""
    label: str = ""
    """What is going on, in words."""
    seconds_left: int | None = None
    reservation_seconds: int = 0
    frees_at: datetime | None = None
    submission_id: UUID | None = None
    """The viewer's own only."""
    tool_slug: str = ""


@dataclass(frozen=True, kw_only=True)
class SlotBoard:
    """The cells a viewer asked for, and what is on the whole board."""

    cells: list[SlotCell]
    counts: dict[str, int]
    free_slots: list[int]
    state_filter: str
    makers: frozenset[int]
    """Who holds a slot of the board, shown or not."""
    version: str
    """Of the whole board, but for the moving seconds: browsers count those themselves."""


def slot_board(viewer: Viewer, board: Board, state_filter: str = "") -> SlotBoard:
    """Return a board with `is_open` for this viewer; an unknown filter shows all slots."""
    holding = list(board.submissions.holding().with_time_left().with_row_version())
    by_slot = {submission.slot: submission for submission in holding}
    cells = [slot_cell(n, by_slot.get(n), viewer) for n in range(1, board.slots + 1)]
    chosen = state_filter if state_filter in FILTERS else ""
    counts = Counter(cell.state for cell in cells)
    return SlotBoard(
        cells=[cell for cell in cells if chosen in ("", cell.state)],
        counts={state: counts[state] for state in FILTERS},
        free_slots=[cell.number for cell in cells if cell.state == FREE],
        state_filter=chosen,
        makers=frozenset(submission.maker_id for submission in holding),
        version=version_of(board, [submission.row_version for submission in holding]),
    )


def slot_cell(number: int, holder: Submission | None, viewer: Viewer) -> SlotCell:
    if holder is None:
        return SlotCell(number=number, label="Free")
    mine = holder.maker_id == viewer.pk
    state = CELL_STATES[Status(holder.status)]
    if holder.status == Status.PENDING:
        return SlotCell(
            number=number,
            state=state,
            mine=mine,
            label="Yours" if mine else "Held by another maker",
            seconds_left=holder.seconds_left,
            reservation_seconds=holder.reservation_seconds,
            frees_at=holder.expires_at,
            submission_id=holder.pk if mine else None,
        )
    return SlotCell(
        number=number,
        state=state,
        mine=mine,
        name=holder.name,
        tagline=holder.tagline,
        label=review_label(holder),
        submission_id=holder.pk if mine else None,
        tool_slug=holder.slug,
    )


def review_label(submission: Submission) -> str:
    """Say what a submission past its details is waiting for."""
    if submission.status == Status.APPROVED:
        return "Approved"
    if submission.may_be_appealed:
        return "Waiting for its maker"
    return "Waiting for a moderator" if submission.waits_for_a_moderator else "Checking the link"
