"""What is done about a link later: it is looked at again, and who cares for the tool is told.

Steps, as in steps.py: the atomic ones write rows, the others leave the machine.
"""

from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models.functions import Now
from django.utils.text import Truncator

from submissions.link_check import Outcome, explain, explain_to_moderators
from submissions.link_tries import LINK_RETRY, LONGEST_TRY_SECONDS, failed_try, try_under_way
from submissions.models import LONGEST_REASON, Submission
from submissions.notices import mail
from submissions.steps import LETTER_LIMIT_SECONDS, LETTER_RETRY, LINKS_OF_THE_SITE, ask_about
from workflows.api import step

SECONDS_BETWEEN_LOOKS = 7 * 24 * 3600.0
FAILURES_TO_TELL = 3
"""In a row. A site may be away for a week; nobody is alarmed by that."""
MODERATORS = "submissions.change_submission"
"""Whoever has this permission hears of broken links, as they decide about tools."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """What a look at a published tool's link found."""

    published: bool = True
    works: bool = True
    """False only where a person's browser would see nothing either: a site that lets no machine in is
    no broken link."""
    sentence: str = ""
    note: str = ""
    """What moderators are told."""


@step(
    retry=LINK_RETRY,
    timeout_seconds=LONGEST_TRY_SECONDS,
    atomic=False,
    concurrency=LINKS_OF_THE_SITE,
)
def look_again(submission_id: UUID) -> Look:
    """Ask the guard about a published tool's link. Raises Transient where another try may help."""
    tool = Submission.objects.approved().filter(pk=submission_id).first()
    if tool is None:
        return Look(published=False)
    this_try = try_under_way()
    verdict = ask_about(tool.link, this_try)
    sentence = explain(verdict)
    if verdict.outcome == Outcome.TRY_AGAIN:
        raise failed_try(this_try, sentence, verdict.retry_after_seconds)
    works = verdict.outcome != Outcome.INVALID
    note = "" if verdict.outcome == Outcome.VALID else explain_to_moderators(verdict)
    return Look(works=works, sentence="" if works else sentence, note=note)


@step(timeout_seconds=LONGEST_TRY_SECONDS, atomic=False, concurrency=LINKS_OF_THE_SITE)
def look_now(submission_id: UUID) -> str:
    """Look at a link once, for the moderator who waits; returns what they should know, "" where the
    link works."""
    submission = Submission.objects.get(pk=submission_id)
    verdict = ask_about(submission.link, try_under_way())
    return "" if verdict.outcome == Outcome.VALID else explain_to_moderators(verdict)


@step(atomic=True)
def note_look_now(submission_id: UUID, note: str) -> None:
    """Keep what a moderator asked for, whatever has been decided since."""
    note = Truncator(note).chars(LONGEST_REASON)
    Submission.objects.filter(pk=submission_id).update(link_checked_at=Now(), link_note=note)


@step(atomic=True)
def note_look(submission_id: UUID, note: str) -> None:
    """Keep when the link was looked at, and what moderators should know of it."""
    published = Submission.objects.approved().filter(pk=submission_id)
    published.update(link_checked_at=Now(), link_note=Truncator(note).chars(LONGEST_REASON))


@step(retry=LETTER_RETRY, timeout_seconds=LETTER_LIMIT_SECONDS, atomic=False)
def mail_broken_link(submission_id: UUID, sentence: str, key: str) -> None:
    """Tell the maker that the link has failed for weeks."""
    tool = Submission.objects.approved().filter(pk=submission_id).select_related("board", "maker")
    for found in tool:
        letter = mail.broken_link(found, sentence, [found.maker.email], key)
        if letter is not None:
            letter.send()


@step(retry=LETTER_RETRY, timeout_seconds=LETTER_LIMIT_SECONDS, atomic=False)
def mail_moderators(submission_id: UUID, note: str, key: str) -> None:
    """Tell the moderators the same, with what only they may know."""
    tool = Submission.objects.approved().filter(pk=submission_id).select_related("board", "maker")
    for found in tool:
        letter = mail.broken_link(found, note, moderators(), key, for_moderators=True)
        if letter is not None:
            letter.send()


def moderators() -> list[str]:
    """Return the addresses of those who decide about tools, in a fixed order."""
    backend = "django.contrib.auth.backends.ModelBackend"
    staff = User.objects.with_perm(MODERATORS, backend=backend).filter(is_staff=True)
    return list(staff.exclude(email="").order_by("pk").values_list("email", flat=True))
