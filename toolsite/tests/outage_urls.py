"""Addresses that fail in every way a database can be away, for the outage tests."""

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.urls import path


def away(request: HttpRequest) -> HttpResponse:
    raise OperationalError("server closed the connection unexpectedly\nwith details")


def closed(request: HttpRequest) -> HttpResponse:
    raise InterfaceError("connection already closed")


def defect(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError


def fine(request: HttpRequest) -> HttpResponse:
    return HttpResponse("fine")


urlpatterns = [
    path("away", away),
    path("closed", closed),
    path("defect", defect),
    path("fine", fine),
]
