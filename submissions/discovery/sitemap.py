"""sitemap.xml: the pages that search engines should know (sitemaps.org, protocol 0.9)."""

from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.contrib.sitemaps import Sitemap
from django.contrib.sitemaps.views import SitemapIndexItem
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from submissions.discovery.addresses import absolute, site_url
from submissions.models import Board, Submission

if TYPE_CHECKING:
    _Sitemap = Sitemap[Any]
else:
    _Sitemap = Sitemap


class OurPages(_Sitemap):
    """Gives every address the site's own host."""

    limit = 5_000
    """Addresses in one file; the protocol allows 50,000, which take seconds to write."""

    def get_protocol(self, protocol: str | None = None) -> str:
        return urlsplit(site_url()).scheme

    def get_domain(self, site: object = None) -> str:
        return urlsplit(site_url()).netloc


class ToolPages(OurPages):
    """Every approved tool, the newest first."""

    def items(self) -> QuerySet[Submission]:
        found = Submission.objects.approved().only("slug", "decided_at")
        return found.order_by("-decided_at", "pk")

    def location(self, item: Submission) -> str:
        return reverse("submissions:tool", args=[item.slug])

    def lastmod(self, item: Submission) -> datetime | None:
        return item.decided_at


class BoardPages(OurPages):
    """Every board, and the list of tools."""

    def items(self) -> list[str]:
        slugs = Board.objects.order_by("-pk").values_list("slug", flat=True)
        boards = [reverse("submissions:board", args=[slug]) for slug in slugs]
        return [reverse("submissions:tools"), *boards]

    def location(self, item: str) -> str:
        return item


SITEMAPS: dict[str, type[OurPages]] = {"boards": BoardPages, "tools": ToolPages}


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Name the parts. Django's own view of this takes the host that the request came for."""
    parts = []
    for section, pages in SITEMAPS.items():
        path = absolute(reverse("submissions:sitemap_section", args=[section]))
        numbers = pages().paginator.page_range
        parts += [path if number == 1 else f"{path}?p={number}" for number in numbers]
    facts = {"sitemaps": [SitemapIndexItem(part) for part in parts]}
    return render(request, "sitemap_index.xml", facts, content_type="application/xml")
