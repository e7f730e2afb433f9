"""The moderator's actions in the admin: confirm first, then one service call per submission."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from submissions.errors import AlreadyDecided
from submissions.models import Submission
from submissions.services import moderate
from workflows.ui.confirm import Deed, NotDone, confirm_then_act

if TYPE_CHECKING:
    SubmissionAdmin = admin.ModelAdmin[Submission]
else:
    SubmissionAdmin = admin.ModelAdmin


class ReasonForm(forms.Form):
    reason = forms.CharField(
        max_length=moderate.LONGEST_REASON,
        help_text="The maker reads this sentence on the page and in the letter.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )


def deed(
    label: str, past: str, decide: Callable[..., None], form_class: type[forms.Form] = forms.Form
) -> Deed[Submission]:
    """Return what a moderator can do to a submission. decide is the service behind it: it takes
    submission_id, by, and what the form asks for."""

    def do(request: HttpRequest, submission: Submission, asked: dict[str, Any]) -> str:
        by = cast(User, request.user)
        try:
            decide(submission_id=submission.pk, by=by, **asked)
        except AlreadyDecided as refusal:
            raise NotDone(f"{refusal.message} {refusal.next_step}") from None
        words = " ".join([past.capitalize() + ".", *asked.values()])
        LogEntry.objects.log_actions(by.pk, [submission], CHANGE, words, single_object=True)
        return f"Slot {submission.slot} of {submission.board.name}: {past}."

    return Deed(
        label=label,
        question=f"{label} the chosen submissions?",
        describe=in_one_line,
        do=do,
        form_class=form_class,
    )


def in_one_line(submission: Submission) -> str:
    """Say which submission it is, for the page that asks for confirmation."""
    return (
        f"{submission.board.name}, slot {submission.slot}: {submission.name or 'no details yet'} "
        f"({submission.state_label}, {submission.maker.email})"
    )


APPROVE = deed("Approve", "approved", moderate.approve)
REJECT = deed("Reject", "rejected", moderate.reject, ReasonForm)
RELEASE = deed("Release", "released", moderate.release, ReasonForm)


@admin.action(description="Approve", permissions=["moderate"])
def approve(
    model_admin: SubmissionAdmin, request: HttpRequest, chosen: QuerySet[Submission]
) -> HttpResponse | None:
    return confirm_then_act(model_admin, request, chosen, APPROVE)


@admin.action(description="Reject, with a reason", permissions=["moderate"])
def reject(
    model_admin: SubmissionAdmin, request: HttpRequest, chosen: QuerySet[Submission]
) -> HttpResponse | None:
    return confirm_then_act(model_admin, request, chosen, REJECT)


@admin.action(description="Release the slot, with a reason", permissions=["moderate"])
def release(
    model_admin: SubmissionAdmin, request: HttpRequest, chosen: QuerySet[Submission]
) -> HttpResponse | None:
    return confirm_then_act(model_admin, request, chosen, RELEASE)
