"""Where moderators work: the queue, and a page for each submission. Nobody else finds these pages."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from submissions.causes import OUR_FAULT
from submissions.errors import Refused, SubmissionUnknown
from submissions.http import (
    HttpResponseSeeOther,
    SiteRequest,
    UserRequest,
    depends_on_viewer,
    fragment,
    post_only,
    sign_in_first,
    wants_fragment,
)
from submissions.left_alone import left_alone, why_left_alone
from submissions.link_runs import is_looked_at
from submissions.models import Submission
from submissions.moderation_queue import find_submission, next_waiting, queue
from submissions.moderator_deeds import DEEDS, ModeratorDeed, is_moderator
from submissions.states import Status

P = ParamSpec("P")
View = Callable[Concatenate[UserRequest, P], HttpResponseBase]


def moderators_only(view: View[P]) -> View[P]:
    """Answer everybody else as if there were no such page."""

    @wraps(view)
    def answered(request: UserRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not is_moderator(request.user):
            raise Http404
        try:
            return view(request, *args, **kwargs)
        except SubmissionUnknown:
            raise Http404 from None

    return answered


@require_safe
@sign_in_first()
@moderators_only
def waiting(request: UserRequest) -> HttpResponseBase:
    """Show what waits for a decision."""
    asked = {name: request.GET.get(name, "") for name in ("after", "before")}
    facts = vars(queue(**asked)) | {"left_alone": [] if any(asked.values()) else left_alone()}
    return render(request, "submissions/moderation/queue.html", facts)


@require_safe
@sign_in_first()
@moderators_only
def look(request: UserRequest, submission_id: UUID) -> HttpResponseBase:
    """Show all there is to know about a submission, or what is known of its link now."""
    submission = find_submission(submission_id)
    if wants_fragment(request):
        return link_part(request, submission)
    return depends_on_viewer(page(request, submission))


@post_only(back_to="submissions:moderate")
@sign_in_first(back_to="submissions:moderate")
@moderators_only
def do(request: UserRequest, submission_id: UUID, deed: str) -> HttpResponseBase:
    """Do what a moderator asks for, and lead on to the next that waits."""
    submission, what = find_submission(submission_id), DEEDS[deed]
    form = what.form_class(request.POST, prefix=deed)
    if not form.is_valid():
        return page(request, submission, forms={deed: form}, status=422)
    try:
        told = what.carry_out(submission, request.user, form.cleaned_data)
    except Refused as refusal:
        return page(request, find_submission(submission_id), refusal=refusal, status=409)
    messages.success(request, told)
    return HttpResponseSeeOther(where_to_go_on(submission, what))


def where_to_go_on(submission: Submission, done: ModeratorDeed) -> str:
    """Return the next page: a decision leads to the next submission, anything else stays."""
    following = next_waiting(submission) if done.ends else submission
    if following is None:
        return reverse("submissions:moderation")
    return reverse("submissions:moderate", args=[following.pk])


def page(
    request: SiteRequest,
    submission: Submission,
    *,
    forms: dict[str, forms.Form] | None = None,
    refusal: Refused | None = None,
    status: int = 200,
) -> HttpResponseBase:
    facts = link_facts(submission) | {
        "refusal": refusal,
        "possible": {name: name in possible_for(submission) for name in DEEDS},
        "forms": {name: DEEDS[name].form_class(prefix=name) for name in ("reject", "release")}
        | (forms or {}),
        "following": next_waiting(submission),
        "left_alone": why_left_alone(submission),
    }
    return render(request, "submissions/moderation/submission.html", facts, status=status)


def possible_for(submission: Submission) -> set[str]:
    state = Status(submission.status)
    found = {name for name, deed in DEEDS.items() if state in deed.possible}
    may_be_extended = not submission.extended and submission.seconds_left > 0
    return found if may_be_extended else found - {"extend"}


def link_part(request: SiteRequest, submission: Submission) -> HttpResponseBase:
    facts = link_facts(submission)
    over = not facts["is_checked_now"]
    version = [submission.pk, submission.link_checked_at, submission.link_note, over]
    template = "submissions/moderation/_link.html"
    return fragment(request, template, facts, version=version, over=over)


def link_facts(submission: Submission) -> dict[str, Any]:
    return {
        "submission": submission,
        "is_checked_now": is_looked_at(submission),
        "came_to_nothing": submission.link_note == OUR_FAULT,
    }
