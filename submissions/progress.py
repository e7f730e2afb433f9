"""How far a submission is, step by step, in words. Pure: values in, values out."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from math import ceil
from typing import Any

from submissions.causes import sentence_for_people
from submissions.models import Submission
from submissions.states import Ended, Status
from workflows.api import HistoryEntry, HistoryKind

CHECK = "check_link"
"""The step of the flow whose tries are shown."""


@dataclass(frozen=True, kw_only=True)
class StatusStep:
    title: str
    state: str
    at: datetime | None = None
    text: str = ""
    seconds_to_next: int | None = None
    next_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class FailedTry:
    """The last try of the link check, when it failed and another follows."""

    number: int
    of: int
    message: str
    next_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Progress:
    title: str
    lead: str
    steps: list[StatusStep]

    @property
    def version(self) -> list[Any]:
        """What the page shows but for the moving seconds: browsers count those themselves."""
        steps = [asdict(step) | {"seconds_to_next": None} for step in self.steps]
        return [self.title, self.lead, steps]


def last_failed_try(history: Iterable[HistoryEntry]) -> FailedTry | None:
    """Return the link check's last failed try."""
    failed = None
    for entry in history:
        if entry.kind == HistoryKind.ATTEMPT_FAILED and entry.name == CHECK:
            retry_at, error = entry.data.get("retry_at"), entry.data["error"]
            failed = FailedTry(
                number=entry.data["attempt"],
                of=entry.data["attempts"],
                message=sentence_for_people(error["type"], error["message"]),
                next_at=datetime.fromisoformat(retry_at) if retry_at else None,
            )
    return failed


def tell_progress(submission: Submission, failed: FailedTry | None, now: datetime) -> Progress:
    """Say where the submission stands at `now`, by the database's clock."""
    title, lead = headline(submission, failed)
    steps = [reserved_step(submission), details_step(submission)]
    if submission.details_at is not None:
        steps.append(link_step(submission, failed, now))
        if has_moderator(submission):
            steps.append(moderator_step(submission))
    steps.append(result_step(submission))
    return Progress(title=title, lead=lead, steps=steps)


def headline(submission: Submission, failed: FailedTry | None) -> tuple[str, str]:
    """Return the page's title and the sentence below it."""
    match submission.status:
        case Status.PENDING:
            return "Send us the details", "The slot is yours until the countdown ends."
        case Status.IN_REVIEW if submission.may_be_appealed:
            return rejected_title(submission), submission.reason
        case Status.IN_REVIEW if submission.appealed_at:
            lead = "You asked for a person. They open the link and decide."
            return "A moderator looks at your tool", lead
        case Status.IN_REVIEW if submission.link_checked_at and submission.link_note:
            lead = "The site did not let our check in. A person opens the link and decides."
            return "A moderator looks at your tool", lead
        case Status.IN_REVIEW if submission.link_checked_at:
            return "A moderator looks at your tool", "The link works. A person decides next."
        case Status.IN_REVIEW if failed:
            lead = f"The address did not answer at first. We try up to {failed.of} times."
            return "We are checking your link", lead
        case Status.IN_REVIEW:
            return "We are checking your link", "This usually takes a few seconds."
        case Status.APPROVED:
            return f"{submission.name} is published", "It is in the directory now."
        case Status.REJECTED:
            return rejected_title(submission), submission.reason
        case _:
            return "This submission has ended", submission.reason


def rejected_title(submission: Submission) -> str:
    match submission.reason_code:
        case Ended.UNREACHABLE:
            return "We could not reach your link"
        case Ended.BAD_LINK:
            return "Your link needs another look"
        case _:
            return "Your tool was not published"


def reserved_step(submission: Submission) -> StatusStep:
    text = f"Slot {submission.slot} was held for you."
    if submission.offered:
        text = f"Slot {submission.slot} fell free while you were the first on the waitlist."
    return StatusStep(
        title="Slot reserved", state="completed", at=submission.reserved_at, text=text
    )


def details_step(submission: Submission) -> StatusStep:
    if submission.details_at is not None:
        spare = int((submission.expires_at - submission.details_at).total_seconds())
        text = f"{spare} second{'' if spare == 1 else 's'} before the limit."
        return StatusStep(
            title="Details received", state="completed", at=submission.details_at, text=text
        )
    if submission.status == Status.PENDING:
        return StatusStep(title="Details", state="waiting", text="Send them before the time is up.")
    return StatusStep(
        title="Details", state="cancelled", at=submission.decided_at, text="They were not sent."
    )


def link_step(submission: Submission, failed: FailedTry | None, now: datetime) -> StatusStep:
    checked_at = submission.link_checked_at
    if checked_at is not None:
        state, text = link_result(submission)
        return StatusStep(title="Link check", state=state, at=checked_at, text=text)
    if submission.status != Status.IN_REVIEW:
        text = "The decision came before the check ended."
        return StatusStep(title="Link check", state="cancelled", text=text)
    if failed is None:
        text = f"We open {submission.link_host} to see that a page answers."
        return StatusStep(title="Checking the link", state="running", text=text)
    text = f"{submission.link_host} (try {failed.number} of {failed.of}): {failed.message}"
    if failed.next_at is None or failed.next_at <= now:
        return StatusStep(title="Checking the link", state="running", text=text)
    return StatusStep(
        title="Checking the link",
        state="waiting",
        text=text,
        next_at=failed.next_at,
        seconds_to_next=ceil((failed.next_at - now).total_seconds()),
    )


def link_result(submission: Submission) -> tuple[str, str]:
    """Return the state of a check that has ended, and what it found."""
    if submission.reason_code in (Ended.BAD_LINK, Ended.UNREACHABLE):
        return "failed", submission.reason
    if submission.appealed_at:
        return "failed", "The check failed; you asked for a person."
    if submission.link_note:
        return "completed", "The site did not let our check in; that is left to a person."
    return "completed", "The link works."


def has_moderator(submission: Submission) -> bool:
    """Say whether a person decides, or decided, about this one."""
    if submission.appeal_until is not None:
        return submission.appealed_at is not None
    decided = submission.reason_code == Ended.REFUSED
    return submission.board.needs_moderator or submission.waits_for_a_moderator or decided


def moderator_step(submission: Submission) -> StatusStep:
    title = "Moderator's decision"
    if submission.status == Status.IN_REVIEW:
        state = "waiting" if submission.link_checked_at else "pending"
        asked = f"You wrote: {submission.appeal}" if submission.appealed_at else ""
        text = asked or "A person looks at every tool here."
        return StatusStep(title=title, state=state, text=text)
    decided = submission.status == Status.APPROVED or submission.reason_code == Ended.REFUSED
    return StatusStep(
        title=title,
        state="completed" if decided else "cancelled",
        at=submission.decided_at if decided else None,
    )


def result_step(submission: Submission) -> StatusStep:
    at = submission.decided_at
    match submission.status:
        case Status.APPROVED:
            text = "Your tool is in the directory."
            return StatusStep(title="Approved", state="approved", at=at, text=text)
        case Status.REJECTED:
            text = f"Slot {submission.slot} is free again."
            return StatusStep(title="Rejected", state="rejected", at=at, text=text)
        case Status.CANCELLED:
            return StatusStep(title="Cancelled", state="cancelled", at=at, text=submission.reason)
        case _:
            text = "Approved tools appear in the directory at once."
            return StatusStep(title="Result", state="pending", text=text)
