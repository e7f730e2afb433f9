"""What a moderator does to a submission, wherever they do it: one service call, and a line in the log."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User

from submissions.models import Submission
from submissions.services import moderate
from submissions.states import Status

PERMISSION = "submissions.change_submission"
"""Of staff: who has it decides about tools."""


def is_moderator(user: Any) -> bool:
    """Say whether this visitor decides about tools; Django asks no permission of inactive ones."""
    return bool(user.is_active and user.is_staff and user.has_perm(PERMISSION))


class ReasonForm(forms.Form):
    reason = forms.CharField(
        max_length=moderate.LONGEST_REASON,
        help_text="The maker reads this sentence on the page and in the letter.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )


@dataclass(frozen=True, kw_only=True)
class ModeratorDeed:
    """One of their verbs."""

    label: str
    past: str
    """For "Slot 3 of Launch: approved."""
    decide: Callable[..., None]
    """The service: takes submission_id, by, and what the form asks for. Raises Refused."""
    form_class: type[forms.Form] = forms.Form
    possible: frozenset[Status]
    """The states in which it may be asked for; the service decides."""
    ends: bool = True
    """After it, the submission needs nobody any more."""

    def carry_out(self, submission: Submission, by: User, asked: Mapping[str, str]) -> str:
        """Do it, and return a sentence about it. Raises Refused."""
        self.decide(submission_id=submission.pk, by=by, **asked)
        words = " ".join([self.past.capitalize() + ".", *asked.values()])
        LogEntry.objects.log_actions(by.pk, [submission], CHANGE, words, single_object=True)
        return f"Slot {submission.slot} of {submission.board.name}: {self.past}."


IN_REVIEW = frozenset({Status.IN_REVIEW})
DEEDS = {
    "approve": ModeratorDeed(
        label="Approve", past="approved", decide=moderate.approve, possible=IN_REVIEW
    ),
    "reject": ModeratorDeed(
        label="Reject",
        past="rejected",
        decide=moderate.reject,
        form_class=ReasonForm,
        possible=IN_REVIEW,
    ),
    "release": ModeratorDeed(
        label="Release",
        past="released",
        decide=moderate.release,
        form_class=ReasonForm,
        possible=frozenset({Status.PENDING, Status.IN_REVIEW, Status.APPROVED}),
    ),
    "check": ModeratorDeed(
        label="Check the link again",
        past="the link is looked at",
        decide=moderate.check_link,
        possible=frozenset({Status.IN_REVIEW, Status.APPROVED}),
        ends=False,
    ),
    "extend": ModeratorDeed(
        label="Extend the time",
        past="the time for the details is doubled",
        decide=moderate.extend,
        possible=frozenset({Status.PENDING}),
        ends=False,
    ),
}
