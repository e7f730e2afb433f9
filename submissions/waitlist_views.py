"""The waitlist's pages: join, leave, and one's own place. There is no address of anybody else's."""

from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import HttpResponseClientRedirect

from submissions import selectors
from submissions.errors import NotWaiting
from submissions.http import (
    HttpResponseSeeOther,
    UserRequest,
    depends_on_viewer,
    fragment,
    refusals_as_pages,
    sign_in_first,
    wants_fragment,
)
from submissions.models import Submission
from submissions.services import waitlist

GET_OR_POST = ["GET", "HEAD", "POST"]


@require_safe
@sign_in_first()
@refusals_as_pages
def place(request: UserRequest, slug: str) -> HttpResponseBase:
    """Show the place, and lead on to the slot as soon as one is offered."""
    board = selectors.find_board(slug)
    found = selectors.waitlist_place(request.user, board)
    if found is None:
        return to_offer(request, selectors.open_reservation_on(request.user, board))
    facts = {"board": board, "place": found}
    if wants_fragment(request):
        version = [board.pk, board.is_open, found.number, found.of, found.reason]
        return fragment(request, "submissions/_waitlist.html", facts, version=version)
    return depends_on_viewer(render(request, "submissions/waitlist.html", facts))


def to_offer(request: UserRequest, offered: Submission | None) -> HttpResponseBase:
    if offered is None:
        raise NotWaiting
    address = reverse("submissions:submission", args=[offered.pk])
    return HttpResponseClientRedirect(address) if request.htmx else redirect(address)


@require_http_methods(GET_OR_POST)
@sign_in_first(back_to="submissions:board")
@refusals_as_pages
def join(request: UserRequest, slug: str) -> HttpResponseBase:
    if request.method == "POST":
        waitlist.join(maker=request.user, board_slug=slug)
        return HttpResponseSeeOther(reverse("submissions:waitlist", args=[slug]))
    return redirect("submissions:board", slug)


@require_http_methods(GET_OR_POST)
@sign_in_first(back_to="submissions:board")
def leave(request: UserRequest, slug: str) -> HttpResponseBase:
    if request.method == "POST":
        waitlist.leave(maker=request.user, board_slug=slug)
        messages.success(request, "You have left the waitlist.")
    return HttpResponseSeeOther(reverse("submissions:board", args=[slug]))
