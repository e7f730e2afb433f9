"""The board's live part: a poll that brings nothing new costs one query, a new board one rendering.

An unchanged poll asks neither for the session nor for its user: the same cookie has been shown the
same version before. What changed is rendered once for all who hold nothing on the board.
"""

from collections import OrderedDict
from threading import Lock
from typing import Any

from django.conf import settings
from django.http import HttpResponse, HttpResponseBase
from django.template.loader import render_to_string

from submissions.board_version import board_version
from submissions.http import SiteRequest, depends_on_viewer, etag_of, unless_known
from submissions.models import Board
from submissions.selectors import Viewer, find_board
from submissions.slot_board import FILTERS, SlotBoard, slot_board

KEPT_AT_MOST = 64
"""Renderings in one process; one of 500 slots is a third of a megabyte."""


class KeptParts:
    """The last renderings, by all that they depend on. Threads share it."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, ...], Any] = OrderedDict()
        self._lock = Lock()

    def get(self, *key: str) -> Any:
        """Return what is kept, None where nothing is."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def keep(self, what: object, *key: str) -> None:
        """Keep it, and forget what was not asked for the longest."""
        with self._lock:
            self._kept[key] = what
            while len(self._kept) > KEPT_AT_MOST:
                self._kept.popitem(last=False)


PARTS = KeptParts()


def board_part(request: SiteRequest, slug: str) -> HttpResponseBase:
    """Answer a poll: 304 where the browser shows this version already. Raises BoardUnknown."""
    asked = request.GET.get("state", "")
    state = asked if asked in FILTERS else ""
    about = [slug, state, request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")]
    version = board_version(slug)
    answer = unless_known(request, etag_of([*about, version]))
    if answer is None:
        text, version = part_for(request, slug, state, version)
        answer = HttpResponse(text)
    answer["ETag"] = etag_of([*about, version])
    return depends_on_viewer(answer)


def part_for(request: SiteRequest, slug: str, state: str, version: str) -> tuple[str, str]:
    """Return the part for this viewer, and the version it shows: it may be a later one."""
    makers: frozenset[int] | None = PARTS.get(slug, version)
    if makers is not None:
        text = PARTS.get(slug, version, state, audience(request.user, makers))
        if text is not None:
            return text, version
    board = find_board(slug)
    shown = slot_board(request.user, board, state)
    text = render_to_string("submissions/_board.html", board_facts(board, shown), request)
    PARTS.keep(shown.makers, slug, shown.version)
    PARTS.keep(text, slug, shown.version, state, audience(request.user, shown.makers))
    return text, shown.version


def audience(viewer: Viewer, makers: frozenset[int]) -> str:
    """Name those who are shown the same: strangers, people without a slot, or one maker."""
    if viewer.pk is None:
        return "strangers"
    return str(viewer.pk) if viewer.pk in makers else "people"


def board_facts(board: Board, shown: SlotBoard) -> dict[str, Any]:
    """Return what the template of the part needs."""
    return {
        "board": board,
        "cells": shown.cells,
        "counts": shown.counts,
        "state_filter": shown.state_filter,
    }
