"""The letters about a submission: one per result, and what is told of a published tool later."""

from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string

from submissions.models import Submission
from submissions.states import Status


def broken_link(
    tool: Submission, why: str, to: list[str], key: str, *, for_moderators: bool = False
) -> EmailMessage | None:
    """Return the letter that tells of a published tool's broken link; None where nobody is to be
    told. Moderators do not learn each other's addresses."""
    reached = [address for address in to if address]
    if not reached:
        return None
    facts = {"why": why}
    if for_moderators:
        return letter("link_broken_moderators", tool, key, facts, to=[], bcc=reached)
    return letter("link_broken", tool, key, facts, to=reached)


def result(submission: Submission, status: Status, key: str) -> EmailMessage | None:
    """Return the letter that tells the result, or None where the maker has no address."""
    address = submission.maker.email
    if not address:
        return None
    return letter(status.value, submission, key, {}, to=[address])


def appeal(submission: Submission, key: str) -> EmailMessage | None:
    """Return the letter about a failed check that a moderator may look at, or None as above."""
    address = submission.maker.email
    return letter("appeal", submission, key, {}, to=[address]) if address else None


def offer(submission: Submission, key: str) -> EmailMessage | None:
    """Return the letter about a slot that fell free, or None where the maker has no address."""
    address = submission.maker.email
    return letter("offered", submission, key, {}, to=[address]) if address else None


def letter(
    name: str,
    submission: Submission,
    key: str,
    more: dict[str, str],
    *,
    to: list[str],
    bcc: list[str] | None = None,
) -> EmailMessage:
    """Return the letter of this name (templates/submissions/emails) about a submission."""
    site_url = settings.SITE_URL.rstrip("/")
    facts = {"submission": submission, "board": submission.board, "site_url": site_url, **more}
    subject = render_to_string(f"submissions/emails/{name}.subject.txt", facts)
    return EmailMessage(
        # A header is one line, whatever the template and the names in it hold.
        subject=" ".join(subject.split()),
        body=render_to_string(f"submissions/emails/{name}.body.txt", facts),
        to=to,
        bcc=bcc,
        headers={"Message-ID": message_id(key, site_url)},
    )


def message_id(key: str, site_url: str) -> str:
    """The same for every try of one letter: that is how a duplicate is recognised."""
    return f"<{key.replace(':', '.')}@{urlsplit(site_url).hostname}>"
