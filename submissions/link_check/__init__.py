"""Ask the outside world whether a stranger's link is good, without becoming their tool.

The only place that fetches an address somebody else chose. In the order a link passes them:

    parse    strict rules of writing; `hostname` for the host   (no network)
    resolve  one look-up in a thread that cannot hold us
    addresses  is every answer on the public internet?
    connect  a socket to exactly a checked address and never to ourselves; `dial` tries them
    wire     bytes over it, plain or TLS verified for the name, metered
    transport  one request by `requests` over that wire
    head     the answer's head: interim answers skipped, a few headers kept
    walls    does a wall against robots answer in place of the site?
    content  is there a page in the answer?
    fetch    the redirect loop around these, with `cookies` that live as long as it;
             `bounds` limits its time and bytes
    check    the verdict; its words are in `verdict`
"""

from submissions.link_check.check import check_link
from submissions.link_check.parse import normalise_link, validate_link_syntax
from submissions.link_check.verdict import (
    Code,
    LinkSyntaxError,
    LinkVerdict,
    Outcome,
    explain,
    explain_to_moderators,
)

__all__ = [
    "Code",
    "LinkSyntaxError",
    "LinkVerdict",
    "Outcome",
    "check_link",
    "explain",
    "explain_to_moderators",
    "normalise_link",
    "validate_link_syntax",
]
