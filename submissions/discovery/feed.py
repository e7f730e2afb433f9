"""A board's approved tools as an Atom feed (RFC 4287)."""

import re
from datetime import datetime
from typing import TYPE_CHECKING

from django.contrib.syndication.views import Feed
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed

from submissions.discovery.addresses import absolute
from submissions.models import Board, Submission

NEWEST = 50
"""Entries in a feed; a reader that looks once a day misses none of them."""

_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold, however they are written (section 2.2)."""


if TYPE_CHECKING:
    _Feed = Feed[Submission, Board]
else:
    _Feed = Feed


class BoardFeed(_Feed):
    """The newest approved tools of one board."""

    feed_type = Atom1Feed

    def get_object(self, request: HttpRequest, slug: str) -> Board:
        """Return the board. Board.DoesNotExist becomes a 404."""
        return Board.objects.get(slug=slug)

    def title(self, board: Board) -> str:
        return in_xml(f"{board.name} · Toolsite")

    def subtitle(self, board: Board) -> str:
        return in_xml(board.intro)

    def link(self, board: Board) -> str:
        return absolute(reverse("submissions:board", args=[board.slug]))

    def feed_url(self, board: Board) -> str:
        return absolute(reverse("submissions:feed", args=[board.slug]))

    def items(self, board: Board) -> QuerySet[Submission]:
        found = board.submissions.filter(status="approved")
        return found.order_by("-decided_at", "pk")[:NEWEST]

    def item_title(self, item: Submission) -> str:
        return in_xml(item.name)

    def item_description(self, item: Submission) -> str:
        return in_xml(item.tagline)

    def item_link(self, item: Submission) -> str:
        return absolute(reverse("submissions:tool", args=[item.slug]))

    def item_guid(self, item: Submission) -> str:
        return item.pk.urn

    def item_pubdate(self, item: Submission) -> datetime | None:
        return item.decided_at

    def item_updateddate(self, item: Submission) -> datetime | None:
        return item.decided_at

    def item_categories(self, item: Submission) -> list[str]:
        return [item.get_category_display()]


def in_xml(text: str) -> str:
    """Return a text without what XML cannot hold."""
    return _NOT_IN_XML.sub("", text)
