"""PostgreSQL is away: visitors get a polite 503, the log gets one line, the next request works."""

import logging
import sys
from collections.abc import Callable

from django.core.signals import got_request_exception
from django.db import InterfaceError, OperationalError, connections
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template import TemplateDoesNotExist
from django.template.loader import render_to_string

logger = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 5
PLAIN_PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Back in a moment</title>'
    "<h1>Back in a moment</h1><p>The site cannot reach its database just now. "
    "Nothing is lost: please try again in a few seconds.</p></html>"
)
"""What is shown where the template cannot be rendered."""


class OutageMiddleware:
    """Answers 503 with Retry-After where the database failed under a request.

    Every layer of Django turns exceptions into a 500 response before an outer middleware can
    catch them, so a signal notes the cause on the request and this layer replaces the response.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if response.status_code != 500 or not getattr(request, "database_failed", False):
            return response
        drop_broken_connections()
        return unavailable()


@receiver(got_request_exception)
def note_database_failure(*, request: HttpRequest | None = None, **_: object) -> None:
    """Mark the request whose exception came from a database that is away."""
    error = sys.exc_info()[1]
    if request is not None and is_outage(error):
        request.database_failed = True  # type: ignore[attr-defined]
        logger.warning("answered 503 to %s: %s", request.path, first_line(error))


def is_outage(error: BaseException | None) -> bool:
    """Say whether this error means that the database cannot be reached or refuses to work."""
    return isinstance(error, OperationalError | InterfaceError)


def first_line(error: BaseException | None) -> str:
    """Return the first line of what the error says."""
    return (str(error).splitlines() or [type(error).__name__])[0]


def drop_broken_connections() -> None:
    """Close this thread's unusable connections, so that the next request opens fresh ones."""
    for connection in connections.all(initialized_only=True):
        connection.close_if_unusable_or_obsolete()


def unavailable() -> HttpResponse:
    """Return the 503 page, which asks neither database nor context processors."""
    try:
        page: str = render_to_string("503.html")
    except TemplateDoesNotExist:
        page = PLAIN_PAGE
    return HttpResponse(page, status=503, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})


class OutageFilter(logging.Filter):
    """Keeps Django's words about an outage out of the log: a line has been written already."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether the record is to be written."""
        error = record.exc_info[1] if record.exc_info else None
        is_told = is_outage(error) or getattr(record, "status_code", None) == 503
        return not (record.name == "django.request" and is_told)
