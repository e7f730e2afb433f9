"""The pages for a request that cannot be read and for a fault of ours.

Django's own views for both ask for the CSRF token, and so read a broken body once more.
"""

from collections.abc import Callable
from typing import Any

from django.db import DataError
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBadRequest,
    HttpResponseBase,
    HttpResponseServerError,
)
from django.template.loader import render_to_string


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 400 without looking at the request again."""
    return HttpResponseBadRequest(render_to_string("400.html"))


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500 without looking at the request again."""
    return HttpResponseServerError(render_to_string("500.html"))


class NulMiddleware:
    """Answers 400 where a NUL came along that PostgreSQL cannot take; no text of ours holds one.

    Forms name the field it is in. The admin's filters and actions hand on what they are given.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_: Any) -> HttpResponse | None:
        """Refuse it in the admin, wherever it stands."""
        match = request.resolver_match
        if match is None or "admin" not in match.app_names or not has_nul(request):
            return None
        return bad_request(request, ValueError("a NUL in the admin"))

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Refuse it where it got as far as the database."""
        is_ours = not (isinstance(exception, DataError) and "NUL (0x00)" in str(exception))
        return None if is_ours else bad_request(request, exception)


def has_nul(request: HttpRequest) -> bool:
    fields = [*request.GET.lists(), *request.POST.lists()]
    return any("\0" in text for name, values in fields for text in (name, *values))
