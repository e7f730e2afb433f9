"""A socket to exactly the checked address, within the check's time, closed whatever happens.

Every wait on these sockets asks the allowance first, so the limit holds for slow headers, slow
bodies and endless interim answers alike, without a thread that keeps watch. An exception raised
by a signal handler passes through at any point; the sockets are closed on the way.
"""

import functools
import socket
import ssl
from collections.abc import Sequence
from ipaddress import ip_address
from typing import TYPE_CHECKING

import certifi

from submissions.link_check.addresses import IPAddress, IPNetwork, is_within
from submissions.link_check.bounds import CONNECT_SECONDS, Allowance
from submissions.link_check.parse import Link
from submissions.link_check.verdict import Code, LinkFault

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

MAX_ADDRESSES_TRIED = 4
RECEIVE_BUFFER_BYTES = 32 * 1024
"""So that the kernel, too, takes little from a peer that sends without end."""


class MeteredSocket(socket.socket):
    """A socket that never waits or reads beyond its allowance.

    What goes wrong on the wire is named here, at its source, as a LinkFault.
    """

    allowance: Allowance

    def recv_into(self, buffer: "WriteableBuffer", nbytes: int | None = 0, flags: int = 0) -> int:
        wanted = nbytes or memoryview(buffer).nbytes
        room = min(wanted, self.allowance.bytes_left())
        self.settimeout(self.allowance.seconds_left())
        try:
            received = super().recv_into(buffer, room, flags)
        except TimeoutError:
            raise LinkFault(Code.TOO_SLOW) from None
        except OSError as error:
            raise LinkFault(Code.CONNECTION_LOST) from error
        self.allowance.count(received)
        return received

    def sendall(self, data: "ReadableBuffer", flags: int = 0) -> None:
        self.settimeout(self.allowance.seconds_left())
        try:
            super().sendall(data, flags)
        except TimeoutError:
            raise LinkFault(Code.TOO_SLOW) from None
        except (BrokenPipeError, ConnectionResetError):
            # The peer may have answered before it hung up: let urllib3 read on.
            raise
        except OSError as error:
            raise LinkFault(Code.CONNECTION_LOST) from error


class MeteredTLSSocket(MeteredSocket, ssl.SSLSocket):
    """The same after the handshake; `ssl` builds it from the plain one."""


def open_connection(
    link: Link,
    addresses: Sequence[IPAddress],
    allow: Sequence[IPNetwork],
    allowance: Allowance,
) -> MeteredSocket:
    """Connect to the first address that answers; for https, shake hands. Raises LinkFault."""
    plain = connect_to_any(addresses, link.port, allow, allowance)
    if link.scheme == "http":
        return plain
    return shake_hands(plain, link.host.strip("[]"), allowance)


def connect_to_any(
    addresses: Sequence[IPAddress], port: int, allow: Sequence[IPNetwork], allowance: Allowance
) -> MeteredSocket:
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
) -> MeteredSocket:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    opened = MeteredSocket(family, socket.SOCK_STREAM)
    try:
        opened.allowance = allowance
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        opened.settimeout(min(CONNECT_SECONDS, allowance.seconds_left()))
        opened.connect((str(address), port))
        refuse_unexpected_peer(opened, address, allow)
    except BaseException:
        close_now(opened)
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


def shake_hands(plain: MeteredSocket, host: str, allowance: Allowance) -> MeteredTLSSocket:
    """Make the connection a TLS one, verified for the link's host. Raises LinkFault."""
    secure: ssl.SSLSocket | None = None
    try:
        secure = tls_context().wrap_socket(
            plain, server_hostname=host, do_handshake_on_connect=False
        )
        secure.settimeout(allowance.seconds_left())
        secure.do_handshake()
        if not isinstance(secure, MeteredTLSSocket):
            raise TypeError("the TLS context builds sockets without an allowance")
        secure.allowance = allowance
    except BaseException as error:
        close_now(secure or plain)
        if isinstance(error, OSError):
            raise LinkFault(handshake_fault(error)) from error
        raise
    return secure


def handshake_fault(error: OSError) -> Code:
    if isinstance(error, ssl.SSLCertVerificationError):
        return Code.BAD_CERTIFICATE
    if isinstance(error, TimeoutError):
        return Code.TOO_SLOW
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return Code.CONNECTION_LOST
    return Code.TLS_FAILED if isinstance(error, ssl.SSLError) else Code.CONNECTION_LOST


@functools.cache
def tls_context() -> ssl.SSLContext:
    """Return the one way we speak TLS: certifi's authorities, no setting of the environment.

    Not `ssl.create_default_context`: that one writes session keys to SSLKEYLOGFILE.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(certifi.where())
    context.set_alpn_protocols(["http/1.1"])
    context.sslsocket_class = MeteredTLSSocket
    return context


def close_now(opened: socket.socket) -> None:
    """Close the descriptor even while a reader still holds on to the socket object."""
    socket.SocketType.close(opened)
