"""The moderator's actions in the admin: confirm first, then one service call per submission."""

from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from submissions.errors import Refused
from submissions.models import Submission
from submissions.moderator_deeds import DEEDS, ModeratorDeed
from workflows.ui.confirm import Deed, NotDone, confirm_then_act

if TYPE_CHECKING:
    SubmissionAdmin = admin.ModelAdmin[Submission]
else:
    SubmissionAdmin = admin.ModelAdmin


def deed(what: ModeratorDeed) -> Deed[Submission]:
    """Return how the admin asks for it, and does it to one submission after the other."""

    def do(request: HttpRequest, submission: Submission, asked: dict[str, Any]) -> str:
        try:
            return what.carry_out(submission, cast(User, request.user), asked)
        except Refused as refusal:
            raise NotDone(f"{refusal.message} {refusal.next_step}") from None

    return Deed(
        label=what.label,
        question=f"{what.label} the chosen submissions?",
        describe=in_one_line,
        do=do,
        form_class=what.form_class,
    )


def in_one_line(submission: Submission) -> str:
    """Say which submission it is, for the page that asks for confirmation."""
    return (
        f"{submission.board.name}, slot {submission.slot}: {submission.name or 'no details yet'} "
        f"({submission.state_label}, {submission.maker.email})"
    )


APPROVE = deed(DEEDS["approve"])
REJECT = deed(DEEDS["reject"])
RELEASE = deed(DEEDS["release"])


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
