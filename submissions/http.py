"""What our views share: the signed-in request, sign-in, refusals as pages, live fragments."""

import json
from collections.abc import Callable
from functools import wraps
from hashlib import sha256
from typing import Any, Concatenate, ParamSpec, TypeVar

from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import get_conditional_response, patch_vary_headers
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from submissions.errors import SubmissionError
from submissions.release import release

P = ParamSpec("P")

STOP_POLLING = 286
"""htmx shows the answer and asks no more."""


class SiteRequest(HttpRequest):
    """A request as our middleware hands it on."""

    htmx: HtmxDetails


class UserRequest(SiteRequest):
    """A request behind sign_in_first."""

    user: User


class HttpResponseSeeOther(HttpResponseRedirect):
    """After a POST: look there, with a GET."""

    status_code = 303


AnyRequest = TypeVar("AnyRequest", bound=SiteRequest)
View = Callable[Concatenate[AnyRequest, P], HttpResponseBase]


def sign_in_first(back_to: str = "") -> Callable[[View[UserRequest, P]], View[SiteRequest, P]]:
    """Send strangers to the sign-in page, and afterwards to `back_to` (default: this address).

    `back_to` names the page a button sits on: after signing in nothing is posted by itself.
    """

    def decorate(view: View[UserRequest, P]) -> View[SiteRequest, P]:
        @wraps(view)
        def signed_in(request: Any, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if request.user.is_authenticated:
                return view(request, *args, **kwargs)
            return to_sign_in(request, page_of(back_to, kwargs) or request.get_full_path())

        return signed_in

    return decorate


def page_of(name: str, kwargs: dict[str, Any]) -> str:
    if not name:
        return ""
    if "slot" in kwargs:
        return f"{reverse(name, args=[kwargs['slug']])}#slot-{kwargs['slot']}"
    return reverse(name, kwargs={key: each for key, each in kwargs.items() if key != "deed"})


def to_sign_in(request: SiteRequest, page: str) -> HttpResponse:
    answer = redirect_to_login(page)
    # A part of a page cannot become the sign-in form: the whole page has to move.
    return HttpResponseClientRedirect(answer.url) if request.htmx else answer


def post_only(back_to: str) -> Callable[[View[AnyRequest, P]], View[AnyRequest, P]]:
    """Take a POST; send who looks at its address (a reload after a refusal) back to `back_to`."""

    def decorate(view: View[AnyRequest, P]) -> View[AnyRequest, P]:
        @wraps(view)
        def answered(request: AnyRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if request.method == "POST":
                return view(request, *args, **kwargs)
            if request.method in ("GET", "HEAD"):
                return HttpResponseRedirect(page_of(back_to, kwargs))
            return HttpResponseNotAllowed(["GET", "HEAD", "POST"])

        return answered

    return decorate


def refusals_as_pages(view: View[AnyRequest, P]) -> View[AnyRequest, P]:
    """Answer a refusal that the view did not place on a page of its own."""

    @wraps(view)
    def answered(request: AnyRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except SubmissionError as refusal:
            return refusal_page(request, refusal)

    return answered


ACTIONS = {
    "submission_unknown": ("submissions:mine", "See my submissions"),
    "tool_unknown": ("submissions:tools", "See all tools"),
    "board_unknown": ("submissions:tools", "See the tools"),
}


def refusal_page(request: SiteRequest, refusal: SubmissionError) -> HttpResponse:
    address, label = ACTIONS.get(refusal.code, ("submissions:home", "See the board"))
    facts = {
        "status": refusal.status,
        "title": refusal.title,
        "message": f"{refusal.message} {refusal.next_step}",
        "refusal": refusal,
        "action_url": reverse(address),
        "action_label": label,
    }
    answer = render(request, "submissions/refusal.html", facts, status=refusal.status)
    return told_when(answer, refusal)


def told_when(answer: HttpResponse, refusal: SubmissionError) -> HttpResponse:
    """Tell programs too when to ask again, where that is known."""
    if refusal.retry_after_seconds is not None:
        answer["Retry-After"] = str(refusal.retry_after_seconds)
    return answer


def wants_fragment(request: SiteRequest) -> bool:
    """Say whether htmx asks for the live part only."""
    htmx = request.htmx
    return bool(htmx) and not htmx.boosted and not htmx.history_restore_request


def fragment(
    request: SiteRequest, template: str, facts: dict[str, Any], *, version: Any, over: bool = False
) -> HttpResponseBase:
    """Answer with the part, with 304 where the browser shows this version already.

    `version` holds all that the part shows; a part that is `over` is sent whole, so that the
    polling ends.
    """
    etag = etag_of(version)
    unchanged = None if over else unless_known(request, etag)
    answer = unchanged or render(request, template, facts, status=STOP_POLLING if over else 200)
    answer["ETag"] = etag
    return depends_on_viewer(answer)


def unless_known(request: SiteRequest, etag: str) -> HttpResponseBase | None:
    """Return the 304 for a browser that shows this already, else None."""
    return get_conditional_response(request, etag=etag)


def depends_on_viewer(answer: HttpResponseBase) -> HttpResponseBase:
    """Keep shared caches from handing one viewer's page, or a part of it, to somebody else."""
    answer["Cache-Control"] = "private, no-cache"
    patch_vary_headers(answer, ["Cookie", "HX-Request"])
    return answer


def etag_of(version: Any) -> str:
    """Return the ETag of a version: another release shows the same facts in another way."""
    text = json.dumps([release(), version], sort_keys=True, default=str)
    return f'"{sha256(text.encode()).hexdigest()[:32]}"'
