"""Every session stands in its owner's list, so that they can end it from elsewhere."""

from collections.abc import Callable

from allauth.usersessions.models import UserSession
from django.http import HttpRequest, HttpResponseBase

LISTED = "toolsite_listed"


class ListedSessionsMiddleware:
    """Lists a session at its first visit: allauth lists those that begin by its own sign-in only.

    Sessions from before there was a list come to stand in it this way.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        answer = self.get_response(request)
        # Only where the page has looked at the session anyway, and once for each session.
        if request.session.accessed and answer.status_code < 500 and is_unlisted(request):
            UserSession.objects.create_from_request(request)
            request.session[LISTED] = request.session.session_key
        return answer


def is_unlisted(request: HttpRequest) -> bool:
    session = request.session
    return session.get(LISTED) != session.session_key and request.user.is_authenticated
