"""How often somebody may do something: exact over all processes, for every stretch of time.

The row of who and deed holds the moments that count. One statement counts them and adds another,
under the row's lock: whoever asks at the same moment waits and then counts again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil

from django.db import connection
from django.db.models.functions import Now
from django.utils.crypto import salted_hmac

from submissions.conf import conf
from submissions.too_much import TooOften
from submissions.usage import Usage

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
FORGOTTEN_AT_ONCE = 5
"""Rows that may go, for each new one: so the table stays as large as its use."""


class Deed(StrEnum):
    """What is counted; the value is what the row holds."""

    RESERVE = "reserve"
    WITHDRAW = "withdraw"
    JOIN_WAITLIST = "join_waitlist"
    SEARCH = "search"
    SIGN_UP = "sign_up"


@dataclass(frozen=True, kw_only=True)
class Rate:
    """So many within any stretch of this length."""

    most: int
    within: timedelta
    of: str
    """What is counted, for people: one, and several."""

    @property
    def words(self) -> str:
        """The limit as the beginning of a sentence."""
        one, several = self.of.split("/")
        time = "an hour" if self.within == HOUR else "a minute"
        return f"{self.most} {one if self.most == 1 else several} within {time}"


def rate_of(deed: Deed) -> Rate:
    """Return the limit in force."""
    found = conf()
    match deed:
        case Deed.RESERVE:
            return Rate(
                most=found.reservations_per_hour, within=HOUR, of="reservation/reservations"
            )
        case Deed.WITHDRAW:
            return Rate(
                most=found.withdrawals_per_hour, within=HOUR, of="slot given back/slots given back"
            )
        case Deed.JOIN_WAITLIST:
            return Rate(
                most=found.waitlist_joins_per_hour,
                within=HOUR,
                of="place on a waitlist/places on waitlists",
            )
        case Deed.SEARCH:
            return Rate(most=found.searches_per_minute, within=MINUTE, of="search/searches")
        case Deed.SIGN_UP:
            return Rate(most=found.sign_ups_per_hour, within=HOUR, of="sign-up/sign-ups")


def account(maker_id: int) -> str:
    """Return how an account is counted."""
    return f"account:{maker_id}"


def address(text: str) -> str:
    """Return how an address is counted: as a digest, and with IPv6 its network of 64 bits.

    Whoever has one IPv6 address has a network of them.
    """
    asked = ip_address(text)
    if isinstance(asked, IPv6Address):
        text = str(asked.ipv4_mapped or ip_network((asked, 64), strict=False))
    return f"address:{salted_hmac('submissions.limits', text).hexdigest()}"


COUNT = """
INSERT INTO submissions_usage AS known (who, deed, moments, until)
VALUES (%(who)s, %(deed)s, ARRAY[clock_timestamp()], clock_timestamp() + %(within)s)
ON CONFLICT (who, deed) DO UPDATE SET
    moments = ARRAY(
        SELECT moment FROM unnest(known.moments) AS moment
        WHERE moment > clock_timestamp() - %(within)s
    ) || clock_timestamp(),
    until = excluded.until
WHERE %(most)s > (
    SELECT count(*) FROM unnest(known.moments) AS moment
    WHERE moment > clock_timestamp() - %(within)s
)
RETURNING xmax = 0
"""


def count(who: str, deed: Deed) -> None:
    """Count the deed, committed with the caller's transaction or lost with it. Raises TooOften.

    Two transactions of the same `who` wait for each other from here on: call it last.
    """
    rate = rate_of(deed)
    facts: dict[str, str | int | timedelta] = {
        "who": who,
        "deed": deed,
        "most": rate.most,
        "within": rate.within,
    }
    with connection.cursor() as cursor:
        cursor.execute(COUNT, facts)  # type: ignore[arg-type]
        counted = cursor.fetchone()
    if counted is None:
        left = left_of(who, deed)
        raise TooOften(rate.words, left.next_at, left.seconds_to_next)
    if counted == (True,) and not connection.in_atomic_block:
        forget_some()


@dataclass(frozen=True, kw_only=True)
class Left:
    """What somebody may still do, and when there is more of it."""

    most: int
    left: int
    next_at: datetime | None = None
    """When one more is possible; None where one is now."""
    seconds_to_next: int = 0


def left_of(who: str, deed: Deed) -> Left:
    """Return what is left of a limit, by the database's clock."""
    rate = rate_of(deed)
    row = Usage.objects.filter(who=who, deed=deed).values_list("moments", Now()).first()
    if row is None:
        return Left(most=rate.most, left=rate.most)
    moments, now = row
    counting = sorted(moment for moment in moments if moment > now - rate.within)
    if len(counting) < rate.most:
        return Left(most=rate.most, left=rate.most - len(counting))
    next_at = counting[-rate.most] + rate.within
    seconds = ceil((next_at - now).total_seconds())
    return Left(most=rate.most, left=0, next_at=next_at, seconds_to_next=seconds)


def forget_some() -> None:
    """Delete a few rows of which nothing counts any more; rows in use are left alone."""
    old = (
        Usage.objects.filter(until__lt=Now()).order_by("until").select_for_update(skip_locked=True)
    )
    Usage.objects.filter(pk__in=old.values("pk")[:FORGOTTEN_AT_ONCE]).delete()
