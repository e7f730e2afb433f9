"""The front door: one link in, one verdict out, in bounded time."""

import time
from collections.abc import Callable, Sequence

from submissions.link_check.addresses import IPNetwork
from submissions.link_check.bounds import Allowance
from submissions.link_check.fetch import Trail, fetch_title
from submissions.link_check.verdict import (
    Code,
    LinkFault,
    LinkSyntaxError,
    LinkVerdict,
    outcome_of,
)


def check_link(
    url: str,
    *,
    allow: Sequence[IPNetwork] = (),
    budget_seconds: float = 15.0,
    while_waiting: Callable[[], None] | None = None,
) -> LinkVerdict:
    """Fetch a stranger's link and say whether a page answers.

    `allow` names networks that may be reached although they are not public (tests only).
    `budget_seconds` covers everything: look-ups, connections, handshakes, redirects, bodies.
    `while_waiting` is called about once a second while the check waits for the other side; an
    exception of its own kind, raised there, ends the check.
    Never raises for what the other side does. An exception raised into it from outside, such as a
    step's time limit, passes through; no socket is left open and no thread is waited for.
    """
    began_at = time.monotonic()
    trail = Trail()
    title: str | None = None
    retry_after_seconds: float | None = None
    try:
        title = fetch_title(url, allow, Allowance(budget_seconds, while_waiting), trail)
        code = Code.OK
    except LinkSyntaxError as error:
        code = error.code
    except LinkFault as fault:
        code = fault.code
        retry_after_seconds = fault.retry_after_seconds
    return LinkVerdict(
        outcome=outcome_of(code),
        code=code,
        status=trail.status,
        final_url=trail.final_url,
        retry_after_seconds=retry_after_seconds,
        seconds=round(time.monotonic() - began_at, 3),
        hops=tuple(trail.hops),
        title=title,
    )
