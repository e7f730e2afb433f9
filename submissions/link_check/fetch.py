"""Follow a link through its redirects to a page; every hop is parsed, resolved and checked anew."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import requests

from submissions.link_check.addresses import IPNetwork
from submissions.link_check.bounds import MAX_REDIRECTS, Allowance
from submissions.link_check.content import read_page
from submissions.link_check.cookies import Cookies
from submissions.link_check.parse import (
    follow_reference,
    parse_link,
    refuse_unwanted_host,
)
from submissions.link_check.retry_after import read_retry_after
from submissions.link_check.transport import ask
from submissions.link_check.verdict import Code, LinkFault, Outcome, outcome_of
from submissions.link_check.walls import refuse_wall, refuse_wall_title, wants_certificate

REDIRECTS = frozenset({301, 302, 303, 307, 308})

STATUS_CODES = {
    401: Code.FORBIDDEN,
    402: Code.FORBIDDEN,
    403: Code.FORBIDDEN,
    404: Code.NOT_FOUND,
    407: Code.FORBIDDEN,
    408: Code.NOT_READY,
    410: Code.NOT_FOUND,
    425: Code.NOT_READY,
    429: Code.RATE_LIMITED,
    451: Code.FORBIDDEN,
}
STATUS_CLASSES = {3: Code.UNEXPECTED_STATUS, 4: Code.CLIENT_ERROR, 5: Code.SERVER_ERROR}


@dataclass
class Trail:
    """How far a check has come; still true when it breaks off."""

    hops: list[str] = field(default_factory=list)
    final_url: str | None = None
    status: int | None = None


def fetch_title(
    url: str, allow: Sequence[IPNetwork], allowance: Allowance, trail: Trail
) -> str | None:
    """Return the title of the page the link leads to. Raises LinkFault and LinkSyntaxError."""
    link, cookies = parse_link(url), Cookies()
    asked: set[tuple[str, str]] = set()
    for _ in range(MAX_REDIRECTS + 1):
        cookie = cookies.header_for(link)
        # The same address with a new cookie is another question; many sites ask it once.
        if (link.url, cookie) in asked:
            raise LinkFault(Code.REDIRECT_LOOP)
        asked.add((link.url, cookie))
        trail.hops.append(link.url)
        refuse_unwanted_host(link, tuple(allow))
        with ask(link, allow, allowance, cookie) as response:
            trail.final_url, trail.status = link.url, response.status_code
            cookies.remember(link, response.raw.headers.getlist("Set-Cookie"), datetime.now(UTC))
            if response.status_code not in REDIRECTS:
                refuse_wall(response)
                refuse_status(response)
                return refuse_wall_title(read_page(response))
            target = redirect_target(response)
        link = follow_reference(link, target)
    raise LinkFault(Code.TOO_MANY_REDIRECTS)


def redirect_target(response: requests.Response) -> str:
    """Return what the Location header says. Raises LinkFault unless it says exactly one thing."""
    targets = set(response.raw.headers.getlist("Location"))
    if len(targets) != 1:
        raise LinkFault(Code.BAD_REDIRECT)
    # Header bytes arrive as Latin-1; what servers mean by bytes above ASCII is UTF-8.
    try:
        return str(targets.pop()).encode("latin-1").decode("utf-8")
    except UnicodeError:
        raise LinkFault(Code.BAD_REDIRECT) from None


def refuse_status(response: requests.Response) -> None:
    status = response.status_code
    if 200 <= status < 300:
        return
    if status == 400 and wants_certificate(response):
        raise LinkFault(Code.CLIENT_CERTIFICATE)
    code = STATUS_CODES.get(status) or STATUS_CLASSES.get(status // 100, Code.BAD_HTTP)
    if outcome_of(code) is Outcome.TRY_AGAIN:
        asked = read_retry_after(response.headers.get("Retry-After"), datetime.now(UTC))
        raise LinkFault(code, retry_after_seconds=asked)
    raise LinkFault(code)
