"""The moderator's actions in the admin: confirm first, then one service call per submission."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from submissions.errors import AlreadyDecided
from submissions.models import Submission
from submissions.services import moderate

if TYPE_CHECKING:
    SubmissionAdmin = admin.ModelAdmin[Submission]
else:
    SubmissionAdmin = admin.ModelAdmin

MOST_AT_ONCE = 100
"""A person cannot answer for more, and a form has a limit of fields."""


class ConfirmForm(forms.Form):
    """Nothing to fill in: approving needs no words."""


class ReasonForm(ConfirmForm):
    reason = forms.CharField(
        max_length=moderate.LONGEST_REASON,
        help_text="The maker reads this sentence on the page and in the letter.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )


@dataclass(frozen=True, kw_only=True)
class Verb:
    """What a moderator can do: its names, what it asks for, and the service behind it."""

    name: str
    past: str
    form_class: type[ConfirmForm]
    decide: Callable[..., None]
    """Takes submission_id, by, and what the form asked for."""


APPROVE = Verb(name="Approve", past="approved", form_class=ConfirmForm, decide=moderate.approve)
REJECT = Verb(name="Reject", past="rejected", form_class=ReasonForm, decide=moderate.reject)
RELEASE = Verb(name="Release", past="released", form_class=ReasonForm, decide=moderate.release)


@admin.action(description="Approve", permissions=["moderate"])
def approve(
    model_admin: SubmissionAdmin, request: HttpRequest, chosen: QuerySet[Submission]
) -> HttpResponse | None:
    return moderate_chosen(model_admin, request, chosen, APPROVE)


@admin.action(description="Reject, with a reason", permissions=["moderate"])
def reject(
    model_admin: SubmissionAdmin, request: HttpRequest, chosen: QuerySet[Submission]
) -> HttpResponse | None:
    return moderate_chosen(model_admin, request, chosen, REJECT)


@admin.action(description="Release the slot, with a reason", permissions=["moderate"])
def release(
    model_admin: SubmissionAdmin, request: HttpRequest, chosen: QuerySet[Submission]
) -> HttpResponse | None:
    return moderate_chosen(model_admin, request, chosen, RELEASE)


def moderate_chosen(
    model_admin: SubmissionAdmin, request: HttpRequest, chosen: QuerySet[Submission], verb: Verb
) -> HttpResponse | None:
    """Ask for confirmation; once confirmed, decide each submission and say what came of it."""
    if chosen.count() > MOST_AT_ONCE:
        text = f"Choose at most {MOST_AT_ONCE} submissions at once; nothing was changed."
        model_admin.message_user(request, text, messages.ERROR)
        return None
    confirmed = "confirmed" in request.POST
    form = verb.form_class(request.POST if confirmed else None)
    if not (confirmed and form.is_valid()):
        return ask(model_admin, request, chosen, verb, form)
    for submission in chosen:
        decide(model_admin, request, submission, verb, form.cleaned_data)
    return None


def ask(
    model_admin: SubmissionAdmin,
    request: HttpRequest,
    chosen: QuerySet[Submission],
    verb: Verb,
    form: ConfirmForm,
) -> HttpResponse:
    facts: dict[str, Any] = {
        **model_admin.admin_site.each_context(request),
        "title": f"{verb.name} the chosen submissions?",
        "verb": verb.name,
        "action": request.POST["action"],
        "chosen": chosen.select_related("board", "maker"),
        "form": form,
        "opts": Submission._meta,
    }
    return render(request, "admin/submissions/submission/confirm.html", facts)


def decide(
    model_admin: SubmissionAdmin,
    request: HttpRequest,
    submission: Submission,
    verb: Verb,
    asked: dict[str, str],
) -> None:
    by = cast(User, request.user)
    try:
        verb.decide(submission_id=submission.pk, by=by, **asked)
    except AlreadyDecided as refusal:
        text = f"{refusal.message} {refusal.next_step}"
        model_admin.message_user(request, text, messages.WARNING)
        return
    words = " ".join([verb.past.capitalize() + ".", *asked.values()])
    model_admin.log_change(request, submission, words)
    text = f"Slot {submission.slot} of {submission.board.name}: {verb.past}."
    model_admin.message_user(request, text, messages.SUCCESS)
