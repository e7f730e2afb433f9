"""The pages for a request that cannot be read and for a fault of ours.

Django's own views for both ask for the CSRF token, and so read a broken body once more.
"""

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseServerError
from django.template.loader import render_to_string


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 400 without looking at the request again."""
    return HttpResponseBadRequest(render_to_string("400.html"))


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500 without looking at the request again."""
    return HttpResponseServerError(render_to_string("500.html"))
