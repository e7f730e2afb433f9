"""What every page of the console is made of."""

from typing import Any

from django.apps import apps
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from workflows.console.access import may_steer
from workflows.console.preferences import THEMES, ZONE_COOKIE, theme_of

SECTIONS = {"runs": "Runs"}
"""The navigation: the names of addresses, with their words."""


def show(
    request: HttpRequest, template: str, section: str, *, status: int = 200, **facts: Any
) -> HttpResponse:
    """Answer with a page, or with a part of one."""
    frame = {
        "section": section,
        "sections": [
            (name, words, reverse(f"workflows_console:{name}")) for name, words in SECTIONS.items()
        ],
        "theme": theme_of(request),
        "themes": THEMES,
        "zone": timezone.get_current_timezone_name(),
        "zone_cookie": ZONE_COOKIE,
        "may_steer": may_steer(request),
        # The site's own copy, where it has one: the pages do without.
        "has_htmx": apps.is_installed("django_htmx"),
        "admin_url": _admin_url(),
        "here": request.get_full_path(),
    }
    return render(request, f"workflows/console/{template}", frame | facts, status=status)


def wants_part(request: HttpRequest) -> bool:
    """Say whether only the live part of a page is asked for."""
    return request.headers.get("HX-Request") == "true"


def _admin_url() -> str:
    try:
        return reverse("admin:workflows_run_changelist")
    except NoReverseMatch:
        return ""
