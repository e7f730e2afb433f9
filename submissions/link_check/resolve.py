"""Look a name up once, in bounded time, and vouch for every answer.

The system's resolver can be silent for half a minute and cannot be interrupted. So each look-up
has a thread of its own, waited for as long as the check's time allows and then left behind: it ends
when the resolver gives up, and never keeps the process from exiting. A shared pool would let a few
silent names stop everybody's look-ups; here a stuck thread stands in nobody's way until MAX_LOOKUPS
of them are alive, and then the answer is "try again".

The threads are bare ones, begun by one call: an exception that a signal handler raises into
`threading.Thread.start` leaves that module's books wrong for good. And they count themselves, so
a check that is cut off cannot make the count wrong.
"""

import _thread
import contextlib
import os
import queue
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address

from submissions.link_check.addresses import IPAddress, IPNetwork, is_public, is_within
from submissions.link_check.bounds import Allowance
from submissions.link_check.parse import PORTS, Link
from submissions.link_check.verdict import Code, LinkFault

MAX_LOOKUPS = 16
"""Alive at once in one process. Callers in several threads may pass it by their number."""

LOOKUPS: set[int] = set()
"""Threads that wait for the resolver now."""

os.register_at_fork(after_in_child=LOOKUPS.clear)

LOOPBACK = (IPv4Address("127.0.0.1"), IPv6Address("::1"))

# "No such name" and "a name without addresses"; everything else is the resolver's own trouble.
# glibc's EAI_NODATA (-5) is missing from `socket` on some systems.
NO_SUCH_NAME = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", -5)})

Answers = queue.SimpleQueue[list[str] | OSError]


def checked_addresses(
    link: Link, allow: Sequence[IPNetwork], allowance: Allowance
) -> list[IPAddress]:
    """Return the addresses a link may be fetched from. Raises LinkFault.

    One address that is not public spoils the name: a host that mixes them is playing a game.
    """
    addresses = addresses_of(link, allow, allowance)
    not_allowed = [each for each in addresses if not is_within(each, allow)]
    if not all(map(is_public, not_allowed)):
        raise LinkFault(Code.PRIVATE_ADDRESS)
    if not_allowed and link.port not in PORTS:
        raise LinkFault(Code.PORT)
    return addresses


def addresses_of(link: Link, allow: Sequence[IPNetwork], allowance: Allowance) -> list[IPAddress]:
    if link.address is not None:
        return [link.address]
    if link.host == "localhost":
        # RFC 6761: the name means loopback, whatever a resolver says.
        return [each for each in LOOPBACK if is_within(each, allow)] or [*LOOPBACK]
    return look_up(link.host, allowance)


def look_up(host: str, allowance: Allowance) -> list[IPAddress]:
    """Return all addresses of a name, at least one. Raises LinkFault."""
    answers = wait_for_answers(host, allowance)
    if isinstance(answers, socket.gaierror) and answers.errno in NO_SUCH_NAME:
        raise LinkFault(Code.NO_SUCH_HOST)
    if isinstance(answers, OSError):
        raise LinkFault(Code.RESOLVER_FAILED)
    if not answers:
        raise LinkFault(Code.NO_SUCH_HOST)
    return [ip_address(answer) for answer in dict.fromkeys(answers)]


def wait_for_answers(host: str, allowance: Allowance) -> list[str] | OSError:
    if len(LOOKUPS) >= MAX_LOOKUPS:
        raise LinkFault(Code.RESOLVER_BUSY)
    answers = Answers()
    try:
        _thread.start_new_thread(ask_resolver, (host, answers))
    except RuntimeError:
        raise LinkFault(Code.RESOLVER_BUSY) from None
    while True:
        with contextlib.suppress(queue.Empty):
            return answers.get(timeout=allowance.pause())


def ask_resolver(host: str, answers: Answers) -> None:
    LOOKUPS.add(_thread.get_ident())
    try:
        # The closing dot keeps the machine's own search domains out of it.
        found = socket.getaddrinfo(host + ".", None, type=socket.SOCK_STREAM)
        answers.put([str(answer[4][0]) for answer in found])
    except OSError as error:
        answers.put(error)
    except UnicodeError:
        answers.put(socket.gaierror(socket.EAI_NONAME, "not a name"))
    finally:
        LOOKUPS.discard(_thread.get_ident())
