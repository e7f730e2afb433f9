"""The pages that more than one view answers with."""

from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render

from submissions import allowance, selectors
from submissions.board_part import board_facts, board_part
from submissions.errors import Refused, SubmissionError
from submissions.forms import AppealForm, DetailsForm
from submissions.http import SiteRequest, depends_on_viewer, fragment, wants_fragment
from submissions.models import Board, Submission
from submissions.progress import last_failed_try, tell_progress
from submissions.slot_board import slot_board
from submissions.states import Ended, Status
from workflows import api as workflows


def board_page(request: SiteRequest, board: Board) -> HttpResponseBase:
    """Show the board, or its live part."""
    if wants_fragment(request):
        return board_part(request, board.slug)
    shown = slot_board(request.user, board, request.GET.get("state", ""))
    facts = board_facts(board, shown) | {
        "allowance": allowance.on_board(request.user, board),
        "place": selectors.waitlist_place(request.user, board),
    }
    return depends_on_viewer(render(request, "submissions/board.html", facts))


def not_reserved_page(request: SiteRequest, slug: str, refusal: Refused) -> HttpResponse:
    """Say why a slot was not reserved, without the board: in a rush many are told so at once."""
    board = selectors.find_board(slug)
    facts = {"board": board, "refusal": refusal, "free_slots": selectors.free_slots(board)}
    return render(request, "submissions/not_reserved.html", facts, status=refusal.status)


def submission_page(request: SiteRequest, submission: Submission) -> HttpResponseBase:
    """Show what a submission needs now: the form, its progress, or a way to start again."""
    if wants_fragment(request):
        return status_page(request, submission)
    is_late = submission.status == Status.PENDING and submission.seconds_left == 0
    if is_late or submission.reason_code == Ended.EXPIRED:
        return expired_page(request, submission, DetailsForm(initial=submission.typed))
    if submission.status == Status.PENDING:
        return details_page(request, submission, DetailsForm(initial=submission.typed))
    return status_page(request, submission)


def details_page(
    request: SiteRequest, submission: Submission, form: DetailsForm, status: int = 200
) -> HttpResponse:
    facts = {
        "submission": submission,
        "form": form,
        "seconds_left": submission.seconds_left,
        "reservation_seconds": submission.reservation_seconds,
        "allowance": allowance.with_details(submission),
    }
    return render(request, "submissions/details.html", facts, status=status)


def expired_page(
    request: SiteRequest,
    submission: Submission,
    form: DetailsForm,
    refusal: SubmissionError | None = None,
) -> HttpResponse:
    facts = {
        "submission": submission,
        "form": form,
        "free_slots": selectors.free_slots(submission.board),
        "refusal": refusal,
    }
    return render(request, "submissions/expired.html", facts, status=409 if refusal else 200)


def status_page(
    request: SiteRequest, submission: Submission, form: AppealForm | None = None
) -> HttpResponseBase:
    """Show the steps as they happen, or their live part; the polling ends with the submission, and
    where its maker may have something to say. form: what they said, where that cannot be used."""
    history = recorded(submission)
    now = submission.expires_at - submission.time_left
    progress = tell_progress(submission, last_failed_try(history), now)
    over = submission.is_over or submission.may_be_appealed
    facts: dict[str, Any] = {
        "submission": submission,
        "title": progress.title,
        "lead": progress.lead,
        "steps": progress.steps,
        "poll": not over,
        "form": form or AppealForm(),
        "free_slots": selectors.free_slots(submission.board) if submission.is_over else [],
    }
    if wants_fragment(request):
        version = [submission.pk, submission.status, progress.version]
        return fragment(request, "submissions/_status.html", facts, version=version, over=over)
    status = 422 if form else 200
    return depends_on_viewer(render(request, "submissions/status.html", facts, status=status))


def recorded(submission: Submission) -> list[workflows.HistoryEntry]:
    """Return what its run has done; nothing where there is none, or where it was pruned."""
    try:
        return workflows.get_history(submission.run_id) if submission.run_id else []
    except workflows.RunNotFound:
        return []
