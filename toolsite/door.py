"""What is answered before anything else looks at a request: strange ones, and the health checks.

Outside of all that asks for the host, a session or the database. Its answers have the security
headers of every page: Content-Security-Policy and X-Frame-Options come from further outside.
"""

import logging
from collections.abc import Callable
from functools import partial

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed
from django.middleware.security import SecurityMiddleware

from toolsite.error_pages import bad_request
from toolsite.health import healthz, readyz

logger = logging.getLogger(__name__)

Answer = Callable[[HttpRequest], HttpResponseBase]
Reply = Callable[[HttpRequest], HttpResponse]

HEALTH: dict[str, Reply] = {"/healthz": healthz, "/readyz": readyz}
"""Load balancers ask by address, not by name: any host will do."""
METHODS = ["GET", "HEAD", "POST", "OPTIONS"]


class DoorMiddleware:
    """Lets everything else in."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response
        self.security = SecurityMiddleware(get_response)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        answer = answer_at_the_door(request)
        if answer is None:
            drop_cookies_with_nul(request)
            return self.get_response(request)
        return self.security.process_response(request, answer(request))


def answer_at_the_door(request: HttpRequest) -> Reply | None:
    """Return what answers this request here, None where it may come in."""
    if request.method == "TRACE":
        return refuse_method
    if request.path_info in HEALTH:
        return HEALTH[request.path_info]
    try:
        request.get_host()
    except DisallowedHost as error:
        logger.info("answered 400 to %s: %s", ascii(request.path), ascii(str(error)))
        return partial(bad_request, exception=error)
    return None


def drop_cookies_with_nul(request: HttpRequest) -> None:
    """Take them as not sent: none is ours, and PostgreSQL takes no NUL in a session's key."""
    for name in [name for name, value in request.COOKIES.items() if "\0" in value]:
        del request.COOKIES[name]


def refuse_method(request: HttpRequest) -> HttpResponse:
    """A TRACE would send a visitor's cookies back to whatever script has asked for it."""
    return HttpResponseNotAllowed(METHODS)
