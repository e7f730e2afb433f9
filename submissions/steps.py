"""What the workflow does for a submission; each step may be tried again.

The atomic ones write rows: their effect and the engine's checkpoint are one commit. The link check
and the mail leave the machine, so they happen at least once.
"""

from dataclasses import dataclass
from uuid import UUID

from django.db.models.functions import Now

from submissions import moves
from submissions.conf import conf
from submissions.link_check import check_link as ask_the_guard
from submissions.link_check import explain
from submissions.models import Submission
from submissions.notices import mail
from submissions.states import Ended, Status
from workflows.api import RetryPolicy, Transient, step


@dataclass(frozen=True, kw_only=True)
class LinkReport:
    """What is known about a link once no further try is due."""

    valid: bool
    sentence: str
    reachable: bool = True


@step(atomic=True)
def expire(submission_id: UUID) -> str:
    """Close the window; returns the status it found or made: the details may have won."""
    moves.expire(submission_id)
    return status_of(submission_id)


@step(
    retry=RetryPolicy(
        attempts=5, first_delay_seconds=10, factor=3, max_delay_seconds=120, jitter=0.1
    ),
    timeout_seconds=20,
    atomic=False,
)
def check_link(link: str) -> LinkReport:
    """Ask the guard about the link. Raises Transient where another try may help."""
    verdict = ask_the_guard(link, allow=conf().link_check_allow)
    sentence = explain(verdict)
    if verdict.outcome == "try_again":
        raise Transient(sentence, retry_after_seconds=verdict.retry_after_seconds)
    return LinkReport(valid=verdict.outcome == "valid", sentence=sentence)


@step(atomic=True)
def settle(submission_id: UUID, report: LinkReport) -> str:
    """Act on the link check unless a moderator was faster; returns the status that holds now."""
    submission = Submission.objects.select_related("board").get(pk=submission_id)
    Submission.objects.filter(pk=submission_id).update(link_checked_at=Now())
    if not report.valid:
        code = Ended.BAD_LINK if report.reachable else Ended.UNREACHABLE
        moves.reject(submission_id, code=code, reason=report.sentence)
    elif not submission.board.needs_moderator:
        moves.approve(submission_id, submission.name)
    return status_of(submission_id)


@step(
    retry=RetryPolicy(attempts=8, first_delay_seconds=5, factor=3, max_delay_seconds=900),
    timeout_seconds=30,
    atomic=False,
)
def mail_result(submission_id: UUID, status: str, key: str) -> None:
    """Write to the maker. Every try of one letter carries the same `key` in its Message-ID."""
    submission = Submission.objects.select_related("board", "maker").get(pk=submission_id)
    if submission.status != status:
        # A moderator released the tool meanwhile: that has a letter of its own.
        return
    letter = mail.result(submission, Status(status), key)
    if letter is not None:
        letter.send()


def status_of(submission_id: UUID) -> str:
    return Submission.objects.values_list("status", flat=True).get(pk=submission_id)
