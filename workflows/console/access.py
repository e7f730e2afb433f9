"""Who may see the console, and who may steer. For everybody else there are no such pages."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.cache import patch_cache_control, patch_vary_headers

from workflows import api
from workflows.console.preferences import zone_of

VIEW = "workflows.view_run"
STEER = "workflows.change_run"
"""What the admin asks for its actions as well."""

P = ParamSpec("P")
Page = Callable[Concatenate[HttpRequest, P], HttpResponse]


def may_steer(request: HttpRequest) -> bool:
    """Say whether somebody may do something to runs."""
    return _is_staff_with(request, VIEW) and _is_staff_with(request, STEER)


def operators_only(page: Page[P]) -> Page[P]:
    """Show the page to staff who may view runs, with times in their own zone; to others none is there."""

    @wraps(page)
    def answered(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not _is_staff_with(request, VIEW):
            raise Http404
        with timezone.override(zone_of(request)):
            try:
                answer = page(request, *args, **kwargs)
            except api.RunNotFound:
                raise Http404 from None
        patch_cache_control(answer, private=True, no_store=True)
        patch_vary_headers(answer, ["Cookie", "HX-Request"])
        return answer

    return answered


def steerers_only(page: Page[P]) -> Page[P]:
    """As operators_only, for those who may do something to runs as well."""

    @wraps(page)
    def answered(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not may_steer(request):
            raise Http404
        return page(request, *args, **kwargs)

    return operators_only(answered)


def _is_staff_with(request: HttpRequest, permission: str) -> bool:
    user = getattr(request, "user", None)
    return bool(user and user.is_active and user.is_staff and user.has_perm(permission))
