"""Every setting of this app: name, type, unit, default. Read from settings.SUBMISSIONS."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network, ip_network

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

LONGEST_RESERVATION_SECONDS = 24 * 60 * 60
HIGHEST_LIMIT = 10_000
"""Of what is counted: each moment that counts takes 8 bytes of a row."""

Networks = tuple[IPv4Network | IPv6Network, ...]


@dataclass(frozen=True, kw_only=True)
class Conf:
    """The settings in force."""

    reservation_seconds: int = 120
    """How long a new board holds a slot for its details; a day at most."""

    reservations_per_hour: int = 20
    """How many slots one account may reserve within an hour, on all boards."""

    withdrawals_per_hour: int = 10
    """How many slots one account may give back within an hour."""

    waitlist_joins_per_hour: int = 10
    """How many places on waitlists one account may take within an hour, on all boards."""

    open_link_checks: int = 5
    """How many of one account's links may wait for the verdict of the link check at a time."""

    searches_per_minute: int = 30
    """How many searches of the directory one address, or one account, may ask for in a minute."""

    sign_ups_per_hour: int = 20
    """How many sign-up forms one address may send within an hour."""

    link_check_allow: Networks = ()
    """Networks the link check may reach although they are not public; for tests only."""


def conf() -> Conf:
    """Return the settings in force now. Raises ImproperlyConfigured with one clear sentence."""
    given: Mapping[str, object] = getattr(settings, "SUBMISSIONS", {})
    refuse_unknown(given)
    chosen = asdict(Conf()) | dict(given)
    return Conf(
        reservation_seconds=read_reservation(chosen["reservation_seconds"]),
        reservations_per_hour=read_limit(chosen, "reservations_per_hour"),
        withdrawals_per_hour=read_limit(chosen, "withdrawals_per_hour"),
        waitlist_joins_per_hour=read_limit(chosen, "waitlist_joins_per_hour"),
        open_link_checks=read_limit(chosen, "open_link_checks"),
        searches_per_minute=read_limit(chosen, "searches_per_minute"),
        sign_ups_per_hour=read_limit(chosen, "sign_ups_per_hour"),
        link_check_allow=read_networks(chosen["link_check_allow"]),
    )


def refuse_unknown(given: Iterable[str]) -> None:
    known = [field.name for field in fields(Conf)]
    for name in given:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            advice = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"
            raise ImproperlyConfigured(f"SUBMISSIONS has no setting {name!r}; {advice}")


def read_reservation(value: object) -> int:
    if type(value) is int and 1 <= value <= LONGEST_RESERVATION_SECONDS:
        return value
    raise ImproperlyConfigured(
        "SUBMISSIONS['reservation_seconds'] must be a whole number of seconds"
        f" from 1 to {LONGEST_RESERVATION_SECONDS}, not {value!r}"
    )


def read_limit(chosen: Mapping[str, object], name: str) -> int:
    value = chosen[name]
    if type(value) is int and 1 <= value <= HIGHEST_LIMIT:
        return value
    raise ImproperlyConfigured(
        f"SUBMISSIONS[{name!r}] must be a whole number from 1 to {HIGHEST_LIMIT}, not {value!r}"
    )


def read_networks(value: object) -> Networks:
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise ImproperlyConfigured(
            f"SUBMISSIONS['link_check_allow'] must be a list of networks, not {value!r}"
        )
    return tuple(read_network(each) for each in value)


def read_network(value: object) -> IPv4Network | IPv6Network:
    try:
        return ip_network(str(value))
    except ValueError:
        raise ImproperlyConfigured(
            "SUBMISSIONS['link_check_allow'] holds networks such as '127.0.0.0/8',"
            f" not {str(value)!r}"
        ) from None
