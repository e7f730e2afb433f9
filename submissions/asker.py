"""Who is counted for a request: the account, or the address of those who are not signed in."""

from allauth.account.adapter import get_adapter
from django.contrib.auth.models import User
from django.http import HttpRequest

from submissions import limits


def who_asks(request: HttpRequest) -> str:
    """Return the account, else the address."""
    return (
        limits.account(request.user.pk) if isinstance(request.user, User) else where_from(request)
    )


def where_from(request: HttpRequest) -> str:
    """Return the address, behind as many proxies as the site's settings believe."""
    return limits.address(get_adapter().get_client_ip(request))
