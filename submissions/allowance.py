"""What a maker may still do, to be shown before they run into a limit."""

from dataclasses import dataclass

from django.contrib.auth.models import User

from submissions import limits
from submissions.conf import conf
from submissions.limits import Deed, Left
from submissions.models import Board, Submission
from submissions.selectors import Viewer


@dataclass(frozen=True, kw_only=True)
class OnBoard:
    """What is left on a board."""

    held: int
    most: int
    reservations: Left

    @property
    def is_used_up(self) -> bool:
        return self.held >= self.most


@dataclass(frozen=True, kw_only=True)
class WithDetails:
    """What is left while the details are typed."""

    checks: int
    most_checks: int
    withdrawals: Left

    @property
    def is_used_up(self) -> bool:
        return self.checks >= self.most_checks


def on_board(viewer: Viewer, board: Board) -> OnBoard | None:
    """Return what the viewer may still reserve here; None for those who are not signed in."""
    if not isinstance(viewer, User):
        return None
    return OnBoard(
        held=board.submissions.holding().filter(maker=viewer).count(),
        most=board.slots_per_maker,
        reservations=limits.left_of(limits.account(viewer.pk), Deed.RESERVE),
    )


def with_details(submission: Submission) -> WithDetails:
    """Return what the maker may still send and give back."""
    checks = Submission.objects.waiting_for_a_verdict().filter(maker=submission.maker_id)
    return WithDetails(
        checks=checks.count(),
        most_checks=conf().open_link_checks,
        withdrawals=limits.left_of(limits.account(submission.maker_id), Deed.WITHDRAW),
    )
