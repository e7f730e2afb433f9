"""The board's live part: a poll costs one query, a new board one rendering.

An unchanged poll looks neither at the session nor at its user: the same cookie has been shown the
same version before. What changed is rendered once for all who hold nothing on the board.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from django.conf import settings
from django.http import HttpResponse, HttpResponseBase
from django.template.loader import render_to_string

from submissions.board_version import NOBODY, look
from submissions.http import SiteRequest, depends_on_viewer, etag_of, unless_known
from submissions.kept import Kept
from submissions.known_viewers import KnownViewers
from submissions.models import Board
from submissions.selectors import find_board
from submissions.slot_board import FILTERS, SlotBoard, slot_board

KEPT_AT_MOST = 64
"""Renderings in one process; one of 500 slots is almost half a megabyte."""
PATIENCE_SECONDS = 1.0
"""How long one poll waits for what another one renders: its database may be slower than ours."""


class KeptParts:
    """The last renderings of this process, and who holds slots in them."""

    def __init__(self) -> None:
        self.texts: Kept[bytes] = Kept(KEPT_AT_MOST)
        self.makers: Kept[frozenset[int]] = Kept(KEPT_AT_MOST)
        self._rendering = Lock()

    def find(self, slug: str, version: str, state: str, viewer: int) -> bytes | None:
        """Return what this viewer is to see, None where it is not rendered yet."""
        makers = self.makers.get(slug, version)
        if makers is None:
            return None
        return self.texts.get(slug, version, state, audience(viewer, makers))

    @contextmanager
    def one_at_a_time(self) -> Iterator[None]:
        """Let others that want the same wait: rendered side by side, it would take each as long as all."""
        is_ours = self._rendering.acquire(timeout=PATIENCE_SECONDS)
        try:
            yield
        finally:
            if is_ours:
                self._rendering.release()


PARTS = KeptParts()
VIEWERS = KnownViewers()


def board_part(request: SiteRequest, slug: str) -> HttpResponseBase:
    """Answer a poll: 304 where the browser shows this version already. Raises BoardUnknown."""
    asked = request.GET.get("state", "")
    state = asked if asked in FILTERS else ""
    session = request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
    about = [slug, state, session]
    seen = look(slug, session, VIEWERS.guess(session))
    version = seen.version
    answer = unless_known(request, etag_of([*about, version]))
    if answer is None:
        viewer = VIEWERS.who_asks(request, session, seen) if session else NOBODY
        text, version = part_for(request, slug, state, version, viewer)
        answer = HttpResponse(text)
    answer["ETag"] = etag_of([*about, version])
    return depends_on_viewer(answer)


def part_for(
    request: SiteRequest, slug: str, state: str, version: str, viewer: int
) -> tuple[bytes, str]:
    """Return the part for this viewer, and the version it shows: it may be a later one."""
    text = PARTS.find(slug, version, state, viewer)
    if text is not None:
        return text, version
    with PARTS.one_at_a_time():
        text = PARTS.find(slug, version, state, viewer)
        return (text, version) if text is not None else rendered(request, slug, state)


def rendered(request: SiteRequest, slug: str, state: str) -> tuple[bytes, str]:
    """Return the part as it is now, and keep it for all who are to see the same."""
    board = find_board(slug)
    shown = slot_board(request.user, board, state)
    text = render_to_string("submissions/_board.html", board_facts(board, shown), request).encode()
    viewer = request.user.pk or NOBODY
    PARTS.makers.keep(shown.makers, slug, shown.version)
    PARTS.texts.keep(text, slug, shown.version, state, audience(viewer, shown.makers))
    return text, shown.version


def audience(viewer: int, makers: frozenset[int]) -> str:
    """Name those who are shown the same: strangers, people without a slot, or one maker."""
    if viewer == NOBODY:
        return "strangers"
    return str(viewer) if viewer in makers else "people"


def board_facts(board: Board, shown: SlotBoard) -> dict[str, Any]:
    """Return what the template of the part needs."""
    return {
        "board": board,
        "cells": shown.cells,
        "counts": shown.counts,
        "state_filter": shown.state_filter,
    }
