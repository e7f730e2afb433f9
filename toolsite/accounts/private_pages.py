"""What is meant for one person is kept by no cache, their own browser's included."""

from collections.abc import Callable

from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest, HttpResponseBase

PRIVATE_PLACES = ("/accounts/", "/admin/")


class PrivatePagesMiddleware:
    """Adds `no-store` to the pages of whoever is signed in, and to all about accounts.

    A live part of a page has an ETag, for which the browser must keep it: it stays `no-cache`, and
    the page around it is not kept.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        answer = self.get_response(request)
        if "ETag" not in answer and is_private(request, answer):
            answer["Cache-Control"] = "private, no-store"
        return answer


def is_private(request: HttpRequest, answer: HttpResponseBase) -> bool:
    """Say whether the answer may tell something about somebody."""
    if request.path.startswith(PRIVATE_PLACES):
        return True
    # A page that asked for no session tells nothing of its owner. A fault is not asked again: it may
    # be the database's. The user's row is not needed, and not fetched.
    return answer.status_code < 500 and request.session.accessed and SESSION_KEY in request.session
