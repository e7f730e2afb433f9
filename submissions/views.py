"""The web door: a request, one service or selector, one page."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from submissions import limits, pages, selectors
from submissions.asker import who_asks
from submissions.board_part import board_part
from submissions.directory import find_tools
from submissions.errors import DetailsAlreadySent, DetailsTooLate, Refused, Unusable
from submissions.forms import AppealForm, DetailsForm
from submissions.http import (
    HttpResponseSeeOther,
    SiteRequest,
    UserRequest,
    post_only,
    refusals_as_pages,
    sign_in_first,
    told_when,
    wants_fragment,
)
from submissions.models import Submission
from submissions.services.appeal import appeal as ask
from submissions.services.reserve_slot import reserve_slot
from submissions.services.send_details import send_details as send
from submissions.services.withdraw import withdraw as give_back
from submissions.too_much import TooMuch

ASKED = ("q", "category", "sort", "after", "before")
"""What the directory is asked by."""


@require_safe
@refusals_as_pages
def home(request: SiteRequest) -> HttpResponseBase:
    return pages.board_page(request, selectors.current_board())


@require_safe
@refusals_as_pages
def board(request: SiteRequest, slug: str) -> HttpResponseBase:
    if wants_fragment(request):
        return board_part(request, slug)
    return pages.board_page(request, selectors.find_board(slug))


@post_only(back_to="submissions:board")
@sign_in_first(back_to="submissions:board")
@refusals_as_pages
def reserve(request: UserRequest, slug: str, slot: int) -> HttpResponseBase:
    key = request.headers.get("Idempotency-Key")
    carry = request.POST.get("carry", "")
    try:
        submission = reserve_slot(
            maker=request.user, board_slug=slug, slot=slot, idempotency_key=key, carry=carry
        )
    except Refused as refusal:
        return pages.not_reserved_page(request, slug, refusal)
    return to_submission(submission)


@require_safe
@sign_in_first()
@refusals_as_pages
def submission(request: UserRequest, submission_id: UUID) -> HttpResponseBase:
    return pages.submission_page(request, selectors.own_submission(request.user, submission_id))


@post_only(back_to="submissions:submission")
@sign_in_first(back_to="submissions:submission")
@refusals_as_pages
def send_details(request: UserRequest, submission_id: UUID) -> HttpResponseBase:
    form = DetailsForm(request.POST)
    details, typed = form.details(), form.typed()
    try:
        sent = send(maker=request.user, submission_id=submission_id, details=details, typed=typed)
        return to_submission(sent)
    except DetailsAlreadySent as refusal:
        messages.warning(request, f"{refusal.message} {refusal.next_step}")
        return to_submission(refusal.submission)
    except DetailsTooLate as late:
        return pages.expired_page(request, late.submission, form, late)
    except (Unusable, TooMuch) as refusal:
        form.explain(refusal)
        current = selectors.own_submission(request.user, submission_id)
        answer = pages.details_page(request, current, form, status=refusal.status)
        return told_when(answer, refusal)


@post_only(back_to="submissions:submission")
@sign_in_first(back_to="submissions:submission")
@refusals_as_pages
def withdraw(request: UserRequest, submission_id: UUID) -> HttpResponseBase:
    return to_submission(give_back(maker=request.user, submission_id=submission_id))


@post_only(back_to="submissions:submission")
@sign_in_first(back_to="submissions:submission")
@refusals_as_pages
def appeal(request: UserRequest, submission_id: UUID) -> HttpResponseBase:
    form = AppealForm(request.POST)
    if not form.is_valid():
        current = selectors.own_submission(request.user, submission_id)
        return pages.status_page(request, current, form)
    words = form.cleaned_data["words"]
    return to_submission(ask(maker=request.user, submission_id=submission_id, words=words))


@require_safe
@sign_in_first()
def mine(request: UserRequest) -> HttpResponseBase:
    submissions = selectors.my_submissions(request.user)
    return render(request, "submissions/mine.html", {"submissions": submissions})


@require_safe
@refusals_as_pages
def tools(request: SiteRequest) -> HttpResponseBase:
    asked = {name: request.GET.get(name, "") for name in ASKED}
    if asked["q"]:
        limits.count(who_asks(request), limits.Deed.SEARCH)
    return render(request, "submissions/tools.html", vars(find_tools(**asked)))


@require_safe
@refusals_as_pages
def tool(request: SiteRequest, slug: str) -> HttpResponseBase:
    return render(request, "submissions/tool.html", {"tool": selectors.find_tool(slug)})


def to_submission(submission: Submission) -> HttpResponseSeeOther:
    return HttpResponseSeeOther(reverse("submissions:submission", args=[submission.pk]))
