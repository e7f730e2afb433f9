"""What sites ask to have back while one check lasts. Pure; the clock is an argument.

Narrower than RFC 6265: a cookie goes to the very host that set it, whatever `Domain` says, and dies
with the check. `Path` is not looked at: it keeps nothing from anybody on the same host.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from submissions.link_check.parse import DEFAULT_PORTS, Link

MAX_COOKIES = 20
"""Of one host; further names are dropped."""
MAX_COOKIE_CHARACTERS = 4_096

NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
VALUE = re.compile(r"[ -:<-~]*")
SECONDS = re.compile(r"-?[0-9]+")


@dataclass(frozen=True, kw_only=True)
class Cookie:
    name: str
    value: str
    is_secure: bool
    is_over: bool
    """Set in order to be forgotten."""


class Cookies:
    """The cookies of one check, by the host that set them."""

    def __init__(self) -> None:
        self._hosts: dict[str, dict[str, Cookie]] = {}

    def remember(self, link: Link, set_cookies: Iterable[str], now: datetime) -> None:
        """Take what the answer to `link` has set; what cannot be read is dropped."""
        kept = self._hosts.setdefault(place_of(link), {})
        for written in set_cookies:
            cookie = read_cookie(written, now)
            if cookie is None:
                continue
            if cookie.is_over:
                kept.pop(cookie.name, None)
            elif cookie.name in kept or len(kept) < MAX_COOKIES:
                kept[cookie.name] = cookie

    def header_for(self, link: Link) -> str:
        """Return the Cookie header of a request, empty where there is none."""
        kept = self._hosts.get(place_of(link), {}).values()
        sent = [each for each in kept if link.scheme == "https" or not each.is_secure]
        return "; ".join(f"{each.name}={each.value}" for each in sent)


def place_of(link: Link) -> str:
    """Return the host; one behind an unusual port is another one."""
    return link.host if link.port in DEFAULT_PORTS.values() else f"{link.host}:{link.port}"


def read_cookie(written: str, now: datetime) -> Cookie | None:
    pair, *attributes = written.split(";")
    name, equals, value = (part.strip(" \t") for part in pair.partition("="))
    if not equals or not NAME.fullmatch(name) or not VALUE.fullmatch(value):
        return None
    if len(name) + len(value) > MAX_COOKIE_CHARACTERS:
        return None
    said = [each.partition("=") for each in attributes]
    facts = {key.strip().lower(): fact.strip() for key, _, fact in said}
    return Cookie(name=name, value=value, is_secure="secure" in facts, is_over=is_past(facts, now))


def is_past(facts: dict[str, str], now: datetime) -> bool:
    """Say whether a cookie with these attributes is over already; Max-Age goes before Expires."""
    age = facts.get("max-age", "")
    if SECONDS.fullmatch(age):
        return age.startswith("-") or not age.strip("0")
    try:
        ends_at = parsedate_to_datetime(facts["expires"])
        return ends_at.replace(tzinfo=ends_at.tzinfo or UTC) <= now
    except (KeyError, ValueError, TypeError, IndexError, OverflowError):
        return False
