"""Connect to exactly the checked address; the socket is closed whatever happens.

An exception raised by a signal handler passes through at any point and closes it on the way.
"""

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_address

from submissions.link_check.addresses import IPAddress, IPNetwork, is_within
from submissions.link_check.bounds import CONNECT_SECONDS, Allowance
from submissions.link_check.parse import Link
from submissions.link_check.verdict import Code, LinkFault
from submissions.link_check.wire import SecureWire, Wire

MAX_ADDRESSES_TRIED = 4
RECEIVE_BUFFER_BYTES = 32 * 1024
"""So that the kernel, too, takes little from a peer that sends without end."""


@contextmanager
def connected(
    link: Link,
    addresses: Sequence[IPAddress],
    allow: Sequence[IPNetwork],
    allowance: Allowance,
) -> Iterator[Wire]:
    """Reach the first address that answers; for https, shake hands. Raises LinkFault."""
    opened = connect_to_any(addresses, link.port, allow, allowance)
    try:
        if link.scheme == "http":
            yield Wire(opened, allowance)
        else:
            wire = SecureWire(opened, allowance, link.host.strip("[]"))
            wire.shake_hands()
            yield wire
    finally:
        opened.close()


def connect_to_any(
    addresses: Sequence[IPAddress], port: int, allow: Sequence[IPNetwork], allowance: Allowance
) -> socket.socket:
    fault = LinkFault(Code.UNREACHABLE)
    for address in addresses[:MAX_ADDRESSES_TRIED]:
        try:
            return connect_to(address, port, allow, allowance)
        except TimeoutError:
            fault = LinkFault(Code.TOO_SLOW)
        except ConnectionRefusedError:
            fault = LinkFault(Code.CONNECTION_REFUSED)
        except ConnectionError:
            fault = LinkFault(Code.CONNECTION_LOST)
        except OSError:
            fault = LinkFault(Code.UNREACHABLE)
    raise fault


def connect_to(
    address: IPAddress, port: int, allow: Sequence[IPNetwork], allowance: Allowance
) -> socket.socket:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        opened.settimeout(min(CONNECT_SECONDS, allowance.seconds_left()))
        opened.connect((str(address), port))
        refuse_unexpected_peer(opened, address, allow)
    except BaseException:
        opened.close()
        raise
    return opened


def refuse_unexpected_peer(
    opened: socket.socket, address: IPAddress, allow: Sequence[IPNetwork]
) -> None:
    """Refuse a peer that is not the checked address, and one that is this very machine.

    Our own public address is reached without passing the firewall in front of us.
    """
    peer = ip_address(opened.getpeername()[0])
    ourselves = ip_address(opened.getsockname()[0])
    if peer != address or (peer == ourselves and not is_within(address, allow)):
        raise LinkFault(Code.PRIVATE_ADDRESS)
