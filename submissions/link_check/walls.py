"""What stands before a page: walls against robots, and doors for who brings a certificate.

A person with a browser may see the page behind a wall, so it is no fault of the link. Walls are
known by the marks that their makers document, and by the titles of their pages.
"""

import contextlib

import requests

from submissions.link_check.content import read_page
from submissions.link_check.transport import PROTOCOL_ERRORS
from submissions.link_check.verdict import Code, LinkFault

WALL_MARKS = {
    "cf-mitigated": frozenset({"challenge", "block"}),
    "x-amzn-waf-action": frozenset({"challenge", "captcha"}),
    "x-vercel-mitigated": frozenset({"challenge", "deny"}),
}
WALL_STATUS = 999
"""No status of HTTP; some large sites answer it to whatever is no browser."""

WALL_TITLES = frozenset(
    {
        "access to this page has been denied",
        "are you a robot?",
        "attention required! | cloudflare",
        "bot verification",
        "ddos-guard",
        "human verification",
        "just a moment...",
        "making sure you're not a bot!",
        "one moment, please...",
        "pardon our interruption",
        "robot check",
        "vercel security checkpoint",
    }
)

NGINX_WANTS_CERTIFICATE = "400 No required SSL certificate was sent"
"""The title of what nginx answers, once the handshake has succeeded without one."""


def refuse_wall(response: requests.Response) -> None:
    """Raise LinkFault where a wall answers in place of the site."""
    for header, marks in WALL_MARKS.items():
        if response.headers.get(header, "").strip().lower() in marks:
            raise LinkFault(Code.BOT_WALL)
    if response.status_code == WALL_STATUS:
        raise LinkFault(Code.BOT_WALL)


def refuse_wall_title(title: str | None) -> str | None:
    """Return the title. Raises LinkFault where it is a wall's."""
    if title is not None and title.replace("\u2019", "'").lower() in WALL_TITLES:
        raise LinkFault(Code.BOT_WALL)
    return title


def wants_certificate(response: requests.Response) -> bool:
    """Say whether a refusal is for want of a certificate of ours; what cannot be read is not."""
    with contextlib.suppress(LinkFault, *PROTOCOL_ERRORS):
        return read_page(response) == NGINX_WANTS_CERTIFICATE
    return False
