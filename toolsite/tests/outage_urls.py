"""Addresses that fail in every way a database can be away, for the outage tests."""

from collections.abc import Iterator

from django.db import InterfaceError, OperationalError, connection, transaction
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path


def away(request: HttpRequest) -> HttpResponse:
    raise OperationalError("server closed the connection unexpectedly\nwith details")


def closed(request: HttpRequest) -> HttpResponse:
    raise InterfaceError("connection already closed")


def defect(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError


def fine(request: HttpRequest) -> HttpResponse:
    return HttpResponse("fine")


def sleep(seconds: float) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(%s)", [seconds])
    return f"slept {seconds} s\n"


def slow(request: HttpRequest) -> HttpResponse:
    return HttpResponse("".join(sleep(0.2) for _ in range(20)))


def nested(request: HttpRequest) -> HttpResponse:
    with transaction.atomic(), transaction.atomic():
        return HttpResponse(sleep(20))


@transaction.atomic
def swallowed(request: HttpRequest) -> HttpResponse:
    """Go on in a transaction whose connection is gone."""
    try:
        with transaction.atomic():
            sleep(20)
    except OperationalError:
        return HttpResponse(sleep(0))
    raise AssertionError("the first statement was not given up")


def stream(request: HttpRequest) -> StreamingHttpResponse:
    def parts() -> Iterator[str]:
        yield "begun\n"
        yield sleep(20)

    return StreamingHttpResponse(parts())


urlpatterns = [
    path("slow", slow),
    path("nested", nested),
    path("swallowed", swallowed),
    path("stream", stream),
    path("away", away),
    path("closed", closed),
    path("defect", defect),
    path("fine", fine),
]
