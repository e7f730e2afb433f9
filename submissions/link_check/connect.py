"""Connect to exactly the checked address; the socket is closed whatever happens.

An exception raised by a signal handler passes through at any point and closes it on the way.
"""

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_address

from submissions.link_check.addresses import IPAddress, IPNetwork, is_within
from submissions.link_check.bounds import Allowance
from submissions.link_check.dial import dial
from submissions.link_check.parse import Link
from submissions.link_check.verdict import Code, LinkFault
from submissions.link_check.wire import SecureWire, Wire

DISCARD_PORT = 9


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
    refuse_our_own(addresses, allow)
    opened, address = dial(addresses, port, allowance)
    try:
        refuse_unexpected_peer(opened, address, allow)
    except BaseException:
        opened.close()
        raise
    return opened


def refuse_our_own(addresses: Sequence[IPAddress], allow: Sequence[IPNetwork]) -> None:
    """Refuse a name of this very machine before anything is dialled. Raises LinkFault.

    Our own public address is reached without passing the firewall in front of us.
    """
    for address in addresses:
        if not is_within(address, allow) and sender_to(address) == address:
            raise LinkFault(Code.PRIVATE_ADDRESS)


def sender_to(address: IPAddress) -> IPAddress | None:
    """Return which address of ours would write to this one; to our own, that is itself.

    A datagram socket is told by the kernel without a packet being sent.
    """
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((str(address), DISCARD_PORT))
            return ip_address(probe.getsockname()[0])
    except OSError:
        return None


def refuse_unexpected_peer(
    opened: socket.socket, address: IPAddress, allow: Sequence[IPNetwork]
) -> None:
    """Refuse a peer that is not the checked address, and once more this very machine."""
    peer = ip_address(opened.getpeername()[0])
    ourselves = ip_address(opened.getsockname()[0])
    if peer != address or (peer == ourselves and not is_within(address, allow)):
        raise LinkFault(Code.PRIVATE_ADDRESS)
