"""The letters a maker gets, one per result."""

from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string

from submissions.models import Submission
from submissions.states import Status


def result(submission: Submission, status: Status, key: str) -> EmailMessage | None:
    """Return the letter that tells the result, or None where the maker has no address."""
    address = submission.maker.email
    if not address:
        return None
    site_url = settings.SITE_URL.rstrip("/")
    facts = {"submission": submission, "board": submission.board, "site_url": site_url}
    subject = render_to_string(f"submissions/emails/{status}.subject.txt", facts)
    return EmailMessage(
        # A header is one line, whatever the template and the names in it hold.
        subject=" ".join(subject.split()),
        body=render_to_string(f"submissions/emails/{status}.body.txt", facts),
        to=[address],
        headers={"Message-ID": message_id(key, site_url)},
    )


def message_id(key: str, site_url: str) -> str:
    """The same for every try of one letter: that is how a duplicate is recognised."""
    return f"<{key.replace(':', '.')}@{urlsplit(site_url).hostname}>"
