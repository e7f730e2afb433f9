"""Who polls by which session, without asking for session and user each time.

What a process remembers is only a guess. It counts where the statement that reads the board finds the
same session and the same password, at that moment, as Django has once found good together.
"""

from dataclasses import dataclass
from hashlib import sha256

from django.contrib.auth.models import User

from submissions.board_version import NOBODY, Look
from submissions.http import SiteRequest
from submissions.kept import Kept

KEPT_AT_MOST = 5_000


@dataclass(frozen=True)
class KnownViewer:
    """A user, and what has shown that it is they."""

    pk: int
    shown_by: bytes


class KnownViewers:
    """The viewers of this process, by their sessions' keys."""

    def __init__(self) -> None:
        self._kept: Kept[KnownViewer] = Kept(KEPT_AT_MOST)

    def guess(self, session: str) -> int:
        """Return who it was the last time, NOBODY where that is not known."""
        known = self._kept.get(session)
        return NOBODY if known is None else known.pk

    def who_asks(self, request: SiteRequest, session: str, seen: Look) -> int:
        """Return the viewer's key, NOBODY for strangers; seen: a look at guess(session)."""
        known = self._kept.get(session)
        if known is not None and known.shown_by == shown_by(seen.session_data, seen.password):
            return known.pk
        if not isinstance(request.user, User):
            return NOBODY
        user = request.user
        if seen.session_data is not None:
            self._kept.keep(
                KnownViewer(user.pk, shown_by(seen.session_data, user.password)), session
            )
        return user.pk


def shown_by(session_data: str | None, password: str | None) -> bytes:
    """Return a digest: neither of the two is kept."""
    return sha256(f"{session_data} {password}".encode()).digest()
