"""A server that does what it is told, however rude, and counts what it sees. Builders for tests."""

import contextlib
import random
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path

import pytest

from submissions.link_check import LinkVerdict, check_link, wire as link_wire

PORTS = range(22_000, 23_000)
LOOPBACK = (ip_network("127.0.0.0/8"),)
CERTIFICATES = Path(__file__).parent / "certificates"
SHORT_SECONDS = 0.4
"""A budget for checks that are meant to run out of time."""
IN_TIME_SECONDS = 4.0
"""For a busy machine, and less than the five seconds of a check here that is given no budget."""


class Peer:
    """One accepted connection, in the hands of a script."""

    def __init__(self, server: "HostileServer", wire: socket.socket) -> None:
        self.server = server
        self.wire = wire

    def read_request(self) -> bytes:
        """Read one request's head, remember it, and return its target."""
        head = b""
        while b"\r\n\r\n" not in head:
            piece = self.wire.recv(4096)
            if not piece:
                break
            head += piece
        self.server.requests.append(head)
        return head.split(b" ")[1] if head.count(b" ") > 1 else b""

    def send(self, data: bytes) -> None:
        """Send, counting each part as the other side's kernel takes it."""
        for start in range(0, len(data), 4096):
            part = data[start : start + 4096]
            self.wire.sendall(part)
            self.server.sent_bytes += len(part)

    def send_forever(self, data: bytes, every_seconds: float = 0) -> None:
        """Send the same again and again until the other side hangs up."""
        while not self.pause(every_seconds):
            self.send(data)

    def pause(self, seconds: float) -> bool:
        """Let time pass; return whether the server is closing."""
        return self.server.closing.wait(seconds) if seconds else self.server.closing.is_set()

    def wait_for_the_end(self) -> None:
        """Say nothing until the other side hangs up or the test is over."""
        with contextlib.suppress(OSError):
            while self.wire.recv(4096):
                pass


Script = Callable[[Peer], None]
LOOK_EVERY_SECONDS = 1.0
"""Whether the test is over, while nobody comes."""
LONGEST_SILENCE_SECONDS = 60.0
"""Of a visitor; a test that forgets one must not wait for it for ever."""


class HostileServer:
    """Listens on loopback and runs its script for each connection."""

    def __init__(self, script: Script, *, certificate: str | None, host: str) -> None:
        self.script = script
        self.host = host
        self.tls = server_context(certificate) if certificate else None
        self.closing = threading.Event()
        self.accepted = 0
        self.sent_bytes = 0
        self.requests: list[bytes] = []
        self._wires: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = listen(host)
        self.port: int = self._listener.getsockname()[1]

    def url(self, path: str = "/", host: str | None = None) -> str:
        shown = host or (f"[{self.host}]" if ":" in self.host else self.host)
        return f"{'https' if self.tls else 'http'}://{shown}:{self.port}{path}"

    def start(self) -> None:
        self._start_thread(self._accept_until_closed)

    def close(self) -> None:
        self.closing.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for wire in self._wires:
            with contextlib.suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _start_thread(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, name="hostile-server", daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept_until_closed(self) -> None:
        while not self.closing.is_set():
            try:
                wire, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            wire.settimeout(LONGEST_SILENCE_SECONDS)
            self.accepted += 1
            self._wires.append(wire)
            self._start_thread(self._serve, wire)

    def _serve(self, wire: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.callback(wire.close)
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8 * 1024)
            if self.tls:
                wire = self.tls.wrap_socket(wire, server_side=True)
                stack.callback(wire.close)
                self._wires.append(wire)
            self.script(Peer(self, wire))


def listen(host: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for port in random.sample(PORTS, len(PORTS)):
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.bind((host, port))
            listener.listen(64)
        except OSError:
            listener.close()
            continue
        listener.settimeout(LOOK_EVERY_SECONDS)
        return listener
    raise RuntimeError("no port is free for a test server")


@contextmanager
def serving(
    script: Script, *, certificate: str | None = None, host: str = "127.0.0.1"
) -> Iterator[HostileServer]:
    """Run a server for the length of a test."""
    server = HostileServer(script, certificate=certificate, host=host)
    server.start()
    try:
        yield server
    finally:
        server.close()


@contextmanager
def dropping(host: str, port: int) -> Iterator[None]:
    """Let this address answer nothing for a while, not even with a refusal."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind((host, port))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex((host, port))
        yield


def server_context(certificate: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / f"{certificate}.pem")
    return context


def answer(
    body: bytes = b"<title>A tool</title><p>Welcome",
    status: str = "200 OK",
    headers: Sequence[str] = (),
    content_type: str | None = "text/html; charset=utf-8",
) -> bytes:
    """Build a proper answer with its length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    if content_type is not None:
        lines.append(f"Content-Type: {content_type}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def redirect(to: str, status: str = "302 Found", headers: Sequence[str] = ()) -> bytes:
    return answer(b"", status, [f"Location: {to}", *headers])


def says(*parts: bytes) -> Script:
    """Read the request, send these bytes, hang up."""

    def script(peer: Peer) -> None:
        peer.read_request()
        for part in parts:
            peer.send(part)

    return script


def routes(answers: Mapping[str, bytes]) -> Script:
    """Answer by the request's target; anything else is 404."""

    def script(peer: Peer) -> None:
        target = peer.read_request().decode("latin-1")
        peer.send(answers.get(target, answer(b"no such page", "404 Not Found")))

    return script


def check(url: str, budget_seconds: float = 5.0) -> LinkVerdict:
    """Check a link with loopback let through."""
    return check_link(url, allow=LOOPBACK, budget_seconds=budget_seconds)


def check_against(script: Script, budget_seconds: float = 5.0) -> LinkVerdict:
    """Check a link to a server that follows this script."""
    with serving(script) as server:
        return check(server.url(), budget_seconds)


def resolve_names(monkeypatch: pytest.MonkeyPatch, names: Mapping[str, Sequence[str]]) -> None:
    """Let the resolver know these names and no others."""

    def getaddrinfo(host: str, *_: object, **__: object) -> list[tuple[object, ...]]:
        if host.rstrip(".") not in names:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(0, socket.SOCK_STREAM, 6, "", (each, 0)) for each in names[host.rstrip(".")]]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def trust_test_authority(monkeypatch: pytest.MonkeyPatch, authority: str = "authority") -> None:
    """Let checks trust the authority that signed the tests' certificates, or another one."""
    context = link_wire.tls_context.__wrapped__()
    context.load_verify_locations(CERTIFICATES / f"{authority}.pem")
    monkeypatch.setattr(link_wire, "tls_context", lambda: context)
