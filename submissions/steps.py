"""What the workflow does for a submission; each step may be tried again.

The atomic ones write rows: their effect and the engine's checkpoint are one commit. The link check
and the mail leave the machine, so they happen at least once.
"""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from urllib.parse import urlsplit
from uuid import UUID

from django.db import Error as DatabaseFailure
from django.db.models import F
from django.db.models.functions import Now
from django.utils.text import Truncator

from submissions import moves
from submissions.conf import conf
from submissions.link_check import (
    LinkVerdict,
    Outcome,
    check_link as ask_the_guard,
    explain,
    explain_to_moderators,
)
from submissions.link_tries import (
    LINK_RETRY,
    LONGEST_TRY_SECONDS,
    budget_seconds,
    failed_try,
    try_under_way,
)
from submissions.models import LONGEST_REASON, Submission
from submissions.notices import mail
from submissions.states import Ended, Status
from workflows.api import Limit, RetryPolicy, StepInfo, step

LETTER_RETRY = RetryPolicy(attempts=8, first_delay_seconds=5, factor=3, max_delay_seconds=900)
LETTER_LIMIT_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class LinkReport:
    """What is known about a link once no further try is due."""

    valid: bool
    sentence: str
    reachable: bool = True
    note: str = ""
    """What moderators are told of a link that was judged and does not work."""
    for_a_person: bool = False
    """The site lets no machine in: where there is a moderator, they look."""
    given_up: bool = False
    """Nobody waited for the verdict any more."""


class NobodyWaits(Exception):
    """The submission was withdrawn or decided while its link was checked."""


@step(atomic=True)
def expire(submission_id: UUID, extended: bool = False) -> str:
    """Close the window; returns the status it found or made: the details may have won, or a moderator
    who extended it (`extended`: this is the end of that extension)."""
    moves.expire(submission_id, extended=extended)
    return status_of(submission_id)


def host_of(link: str, submission_id: UUID) -> str:
    """Return the name of the link's host, by which tries take turns."""
    try:
        return urlsplit(link).hostname or ""
    except ValueError:
        return ""  # the guard says what is wrong with it


# The rest of the slots is for all that is no link. By their names, the site's is taken last: nobody has it
# and waits for another.
LINKS_OF_THE_SITE = Limit(share=0.5, name="links of the site")


@step(
    retry=LINK_RETRY,
    timeout_seconds=LONGEST_TRY_SECONDS,
    atomic=False,
    # A slow host holds up whoever links to it, a maker of slow links himself: neither has more than one slot.
    concurrency=(
        Limit(1, by=host_of, name="links of a host"),
        Limit(1, by="tenant", name="links of a maker"),
        LINKS_OF_THE_SITE,
    ),
)
def check_link(link: str, submission_id: UUID) -> LinkReport:
    """Ask the guard about the link. Raises Transient where another try may help."""
    this_try = try_under_way()
    try:
        verdict = ask_about(link, this_try, lambda: stop_unless_waited_for(submission_id))
    except NobodyWaits:
        return LinkReport(valid=False, sentence="", given_up=True)
    sentence = explain(verdict)
    if verdict.outcome == Outcome.TRY_AGAIN:
        raise failed_try(this_try, sentence, verdict.retry_after_seconds)
    is_valid = verdict.outcome == Outcome.VALID
    return LinkReport(
        valid=is_valid,
        sentence=sentence,
        note="" if is_valid else explain_to_moderators(verdict),
        for_a_person=verdict.outcome == Outcome.ASK_A_PERSON,
    )


def ask_about(
    link: str, this_try: StepInfo, while_waiting: Callable[[], None] | None = None
) -> LinkVerdict:
    """Ask the guard, within what this try may take."""
    return ask_the_guard(
        link,
        allow=conf().link_check_allow,
        budget_seconds=budget_seconds(this_try.attempt),
        while_waiting=while_waiting,
    )


def stop_unless_waited_for(submission_id: UUID) -> None:
    """Raise NobodyWaits once the submission has left review, by its maker or a moderator."""
    # A database that is away for a moment says nothing about the submission.
    with contextlib.suppress(DatabaseFailure):
        if status_of(submission_id) != Status.IN_REVIEW:
            raise NobodyWaits


@step(atomic=True)
def settle(submission_id: UUID, report: LinkReport, asks_a_person: bool = False) -> str:
    """Act on the link check unless a moderator was faster; returns the status that holds now.

    With `asks_a_person`, a site that lets no machine in is left to the board's moderator.
    """
    return act_on(report, submission_id, asks_a_person=asks_a_person, may_appeal=False)


@step(atomic=True)
def settle_failed(submission_id: UUID, report: LinkReport, asks_a_person: bool) -> str:
    """Act on a failed link check in the same way; but where the board gives makers time to ask a
    moderator, it waits for that."""
    return act_on(report, submission_id, asks_a_person=asks_a_person, may_appeal=True)


def act_on(
    report: LinkReport, submission_id: UUID, *, asks_a_person: bool, may_appeal: bool
) -> str:
    submission = Submission.objects.select_related("board").get(pk=submission_id)
    if report.given_up:
        return submission.status
    in_review = Submission.objects.filter(pk=submission_id, status=Status.IN_REVIEW)
    note = Truncator(report.note).chars(LONGEST_REASON)
    if not in_review.update(link_checked_at=Now(), link_note=note):
        return status_of(submission_id)
    has_moderator = submission.board.needs_moderator
    if asks_a_person and report.for_a_person and has_moderator:
        return status_of(submission_id)
    if not report.valid:
        refuse(submission_id, report, submission.board.appeal_seconds if may_appeal else 0)
    elif not has_moderator:
        moves.approve(submission_id, submission.name)
    return status_of(submission_id)


def refuse(submission_id: UUID, report: LinkReport, appeal_seconds: int) -> None:
    """Reject what failed, or leave its maker so long to ask a moderator."""
    code, why = Ended.BAD_LINK if report.reachable else Ended.UNREACHABLE, report.sentence
    if appeal_seconds:
        moves.open_appeal(submission_id, code=code, reason=why, seconds=appeal_seconds)
    else:
        moves.reject(submission_id, code=code, reason=why)


@step(atomic=True)
def appeal_seconds(submission_id: UUID) -> float | None:
    """Return for how long the maker may still ask a moderator; None where nobody is asked."""
    open_ones = Submission.objects.filter(pk=submission_id, appeal_until__isnull=False)
    left = open_ones.values_list(F("appeal_until") - Now(), flat=True).first()
    return None if left is None else max(0.0, float(ceil(left.total_seconds())))


@step(retry=LETTER_RETRY, timeout_seconds=LETTER_LIMIT_SECONDS, atomic=False)
def mail_appeal(submission_id: UUID, key: str) -> None:
    """Tell the maker what the link check found, and until when a moderator can be asked."""
    submission = Submission.objects.select_related("board", "maker").get(pk=submission_id)
    letter = mail.appeal(submission, key) if submission.may_be_appealed else None
    if letter is not None:
        letter.send()


@step(atomic=True)
def close_appeal(submission_id: UUID) -> str:
    """Reject it now unless its maker asked for a moderator; returns the status that holds."""
    moves.close_appeal(submission_id)
    return status_of(submission_id)


@step(retry=LETTER_RETRY, timeout_seconds=LETTER_LIMIT_SECONDS, atomic=False)
def mail_result(submission_id: UUID, status: str, key: str) -> None:
    """Write to the maker. Every try of one letter carries the same `key` in its Message-ID."""
    submission = Submission.objects.select_related("board", "maker").get(pk=submission_id)
    if submission.status != status:
        # A moderator released the tool meanwhile: that has a letter of its own.
        return
    letter = mail.result(submission, Status(status), key)
    if letter is not None:
        letter.send()


@step(
    retry=RetryPolicy(attempts=6, first_delay_seconds=5, factor=3, max_delay_seconds=120),
    timeout_seconds=30,
    atomic=False,
)
def mail_offer(submission_id: UUID, key: str) -> None:
    """Write to somebody who waited, while the slot is still theirs to take."""
    submission = Submission.objects.select_related("board", "maker").get(pk=submission_id)
    if submission.status != Status.PENDING:
        return
    letter = mail.offer(submission, key)
    if letter is not None:
        letter.send()


def status_of(submission_id: UUID) -> str:
    return Submission.objects.values_list("status", flat=True).get(pk=submission_id)
