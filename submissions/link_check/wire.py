"""Bytes to and from one peer, plain or through TLS, never waiting or reading beyond the allowance.

Every wait on the socket asks the allowance first, so the limits hold for slow headers, slow bodies
and endless interim answers alike, without a thread that keeps watch. What goes wrong is named here,
at its source, as a LinkFault.
"""

import contextlib
import functools
import io
import socket
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import certifi

from submissions.link_check.bounds import Allowance, EnoughRead
from submissions.link_check.verdict import Code, LinkFault

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

RECORD_BYTES = 16 * 1024

CERTIFICATE_REQUIRED = "TLSV13_ALERT_CERTIFICATE_REQUIRED"
REFUSALS = frozenset(
    {
        CERTIFICATE_REQUIRED,
        "SSLV3_ALERT_HANDSHAKE_FAILURE",
        "SSLV3_ALERT_BAD_CERTIFICATE",
        "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
        "TLSV1_ALERT_ACCESS_DENIED",
    }
)
"""What a peer says that misses a certificate of ours, in OpenSSL's words."""

T = TypeVar("T")


class Wire:
    """A connected socket under an allowance; as much of a socket as `http.client` asks for."""

    def __init__(self, connected: socket.socket, allowance: Allowance) -> None:
        self._socket = connected
        self.allowance = allowance

    def receive_into(self, buffer: memoryview) -> int:
        """Read what there is, at least one byte; 0 when the peer has closed."""
        return self._receive_raw(buffer)

    def sendall(self, data: "ReadableBuffer") -> None:
        self._send_raw(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(WireReader(self))

    def settimeout(self, seconds: float | None) -> None:
        """Take no orders: the allowance decides."""

    def close(self) -> None:
        """Leave that to whoever connected: http.client closes while it goes on reading."""

    def _receive_raw(self, buffer: memoryview) -> int:
        room = self.allowance.bytes_left()
        while True:
            self._socket.settimeout(self.allowance.pause())
            try:
                received = self._socket.recv_into(buffer[:room])
            except TimeoutError:
                continue
            except OSError as error:
                raise LinkFault(Code.CONNECTION_LOST) from error
            self.allowance.count(received)
            return received

    def _send_raw(self, data: "ReadableBuffer") -> None:
        self._socket.settimeout(self.allowance.seconds_left())
        try:
            self._socket.sendall(data)
        except TimeoutError:
            raise LinkFault(Code.TOO_SLOW) from None
        except (BrokenPipeError, ConnectionResetError):
            # The peer may have answered before it hung up: let urllib3 read on.
            raise
        except OSError as error:
            raise LinkFault(Code.CONNECTION_LOST) from error


class WireReader(io.RawIOBase):
    """The file that `http.client` reads an answer from."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        return self._wire.receive_into(memoryview(buffer))


class SecureWire(Wire):
    """The same through TLS, verified for the link's host.

    OpenSSL is fed from memory and never sees the socket. Reading by itself it would swallow
    session tickets, key updates and greetings for as long as they come, uncounted, and out of
    reach of signals while they come fast enough. Here each read of the socket is ours.
    """

    def __init__(self, connected: socket.socket, allowance: Allowance, host: str) -> None:
        super().__init__(connected, allowance)
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = tls_context().wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._raw = memoryview(bytearray(RECORD_BYTES))
        self._flights = 0
        """How often we wrote; from the second time on, the peer has greeted us."""

    def shake_hands(self) -> None:
        """Agree with the peer and verify it. Raises LinkFault."""
        self.allowance.begin_handshake()
        try:
            self._exchange(self._tls.do_handshake)
        except ssl.SSLCertVerificationError as error:
            raise LinkFault(Code.BAD_CERTIFICATE) from error
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError, ConnectionError) as error:
            raise LinkFault(Code.CONNECTION_LOST) from error
        except EnoughRead as error:
            raise LinkFault(Code.TLS_FAILED) from error
        except ssl.SSLError as error:
            # Before TLS 1.3 a missing certificate has no alert of its own; but whoever refuses us
            # after both greetings, with the ciphers agreed on, has found nothing else to refuse.
            wanted = error.reason in REFUSALS and self._flights > 1
            raise LinkFault(Code.CLIENT_CERTIFICATE if wanted else Code.TLS_FAILED) from error

    def receive_into(self, buffer: memoryview) -> int:
        try:
            data = self._exchange(lambda: self._tls.read(len(buffer)))
        except ssl.SSLEOFError:
            # Many servers end without a farewell; whether something is missing, HTTP will tell.
            data = b""
        except OSError as error:
            # From TLS 1.3 on it comes after the handshake, in place of the answer.
            wanted = isinstance(error, ssl.SSLError) and error.reason == CERTIFICATE_REQUIRED
            code = Code.CLIENT_CERTIFICATE if wanted else Code.CONNECTION_LOST
            raise LinkFault(code) from error
        if not data:
            self.allowance.peer_has_closed = True
        buffer[: len(data)] = data
        return len(data)

    def sendall(self, data: "ReadableBuffer") -> None:
        self._exchange(lambda: self._tls.write(data))

    def _exchange(self, attempt: Callable[[], T]) -> T:
        """Let OpenSSL try, carrying bytes between it and the socket until it succeeds."""
        while True:
            try:
                done = attempt()
            except ssl.SSLWantReadError:
                self._send_pending()
            except ssl.SSLError:
                # A parting alert, as a courtesy; the peer may be gone.
                with contextlib.suppress(OSError, LinkFault):
                    self._send_pending()
                raise
            else:
                self._send_pending()
                return done
            received = self._receive_raw(self._raw)
            if received:
                self._incoming.write(self._raw[:received])
            else:
                self._incoming.write_eof()

    def _send_pending(self) -> None:
        if self._outgoing.pending:
            self._flights += 1
            self._send_raw(self._outgoing.read())


@functools.cache
def tls_context() -> ssl.SSLContext:
    """Return the one way we speak TLS: certifi's authorities, no setting of the environment.

    Not `ssl.create_default_context`: that one writes session keys to SSLKEYLOGFILE.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(certifi.where())
    # RFC 9525, section 2: a host is named in subjectAltName or not at all.
    context.hostname_checks_common_name = False
    context.set_alpn_protocols(["http/1.1"])
    return context
