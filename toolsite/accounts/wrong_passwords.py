"""How many passwords may be tried: from one place for an account, and from everywhere for it.

Only who guesses is stopped: what one place has used up leaves every other place free. The bound over
all places is far higher; whoever is caught in it signs in by a mailed code. The numbers are in
`ACCOUNT_RATE_LIMITS`.
"""

from allauth.core.internal import ratelimit
from django.http import HttpRequest


def from_here(request: HttpRequest, account: str) -> str:
    """Return the name under which this place's tries for an account are counted.

    A place is an IPv4 address, or an IPv6 network of 64 bits.
    """
    return f"{account.lower()} {ratelimit.get_ip(request)}"


def count(request: HttpRequest, account: str) -> ratelimit.RateLimitUsage | None:
    """Count a try before its password is looked at; returns None where it is one too many.

    What was counted can be rolled back, when the password was right. Nothing is counted against the
    account that this place may not try: else one place could use up the bound over all places.
    """
    here = spend(request, "login_failed", from_here(request, account))
    anywhere = here and spend(request, "login_failed_anywhere", account.lower())
    if not here or not anywhere:
        return None
    return ratelimit.RateLimitUsage(usage=[*here.usage, *anywhere.usage])


def forget(request: HttpRequest, account: str) -> None:
    """Forget the tries for an account, from here and over all places: its password is a new one."""
    for action, key in (
        ("login_failed", from_here(request, account)),
        ("login_failed_anywhere", account.lower()),
    ):
        ratelimit.clear(request, app="allauth.account", action=action, key=key)


def spend(request: HttpRequest, action: str, key: str) -> ratelimit.RateLimitUsage | None:
    """Count one use of a limit; returns None where it is used up."""
    return ratelimit.consume(request, app="allauth.account", action=action, key=key)
