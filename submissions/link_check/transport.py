"""One GET by `requests` over a socket that is already open, and nothing of ours with it.

The adapter is used without a `requests.Session`. A session would add credentials from .netrc,
proxies and authorities from the environment and cookies by looser rules than ours; and for every
redirect, even one it is told not to follow, it reads the whole body into memory.
"""

import http.client
import io
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import cast

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError

from submissions.link_check.addresses import IPNetwork
from submissions.link_check.bounds import Allowance, EnoughRead
from submissions.link_check.connect import connected
from submissions.link_check.head import read_head
from submissions.link_check.parse import Link
from submissions.link_check.resolve import checked_addresses
from submissions.link_check.verdict import Code, LinkFault
from submissions.link_check.wire import Wire

HEADERS = {
    "User-Agent": "ToolsiteLinkCheck/1 (checks once that a submitted link opens)",
    "Accept": "text/html,application/xhtml+xml,text/plain;q=0.9,*/*;q=0.1",
    "Accept-Encoding": "gzip, deflate",
    "Connection": "close",
}

# What the libraries are known to raise for an answer that is no HTTP, and what parsers in general
# raise for input nobody foresaw. A step's time limit is none of these and passes through.
PROTOCOL_ERRORS = (
    requests.RequestException,
    HTTPError,
    http.client.HTTPException,
    EnoughRead,
    OSError,
    ValueError,
    LookupError,
    AttributeError,
    TypeError,
    AssertionError,
)


class MeteredAnswer(http.client.HTTPResponse):
    """An answer whose head is read by our rules and within a limit of its own."""

    def __init__(
        self,
        sock: Wire,
        debuglevel: int = 0,
        method: str | None = None,
        url: str | None = None,
    ) -> None:
        super().__init__(cast(socket.socket, sock), debuglevel, method, url)
        self._allowance = sock.allowance

    def begin(self) -> None:
        body = self.fp
        self.fp = io.BufferedReader(io.BytesIO(read_head(body)))
        super().begin()
        self.fp = body
        # urllib3 would write what it finds odd into our log.
        self.headers.defects.clear()
        self.headers.set_payload("")
        self._allowance.begin_body()


class WiredConnection(HTTPConnection):
    """urllib3's connection over our wire, whatever host it believes to be talking to."""

    response_class = MeteredAnswer

    def __init__(self, host: str, port: int, *, wire: Wire, **_: object) -> None:
        super().__init__(host, port)
        self._wire = wire

    def connect(self) -> None:
        self.sock = cast(socket.socket, self._wire)


class WiredPool(HTTPConnectionPool):
    """A pool of that one connection. TLS is done by then, so https is no different here."""

    ConnectionCls = WiredConnection


class WiredAdapter(HTTPAdapter):
    """A `requests` adapter that can reach the end of one wire and nothing else."""

    def __init__(self, link: Link, wire: Wire) -> None:
        super().__init__(max_retries=0)
        self._pool = WiredPool(link.host, link.port, wire=wire)

    def get_connection_with_tls_context(
        self,
        request: requests.PreparedRequest,
        verify: bool | str | None,
        proxies: Mapping[str, str] | None = None,
        cert: tuple[str, str] | str | None = None,
    ) -> HTTPConnectionPool:
        return self._pool


@contextmanager
def ask(
    link: Link, allow: Sequence[IPNetwork], allowance: Allowance, cookie: str = ""
) -> Iterator[requests.Response]:
    """Resolve, connect, and send one GET; the body is still to be read. Raises LinkFault."""
    addresses = checked_addresses(link, allow, allowance)
    with remote_faults(allowance), connected(link, addresses, allow, allowance) as wire:
        allowance.begin_answer()
        headers = {**HEADERS, "Host": link.authority} | ({"Cookie": cookie} if cookie else {})
        request = requests.Request("GET", link.url, headers)
        yield WiredAdapter(link, wire).send(request.prepare(), stream=True)


@contextmanager
def remote_faults(allowance: Allowance) -> Iterator[None]:
    """Turn whatever the libraries say of a broken answer into a LinkFault."""
    try:
        yield
    except PROTOCOL_ERRORS as error:
        broke_off = allowance.peer_has_closed and not was_garbage(error)
        raise LinkFault(Code.CONNECTION_LOST if broke_off else Code.BAD_HTTP) from error


def was_garbage(error: BaseException) -> bool:
    """Say whether the answer's first line came, and was none of HTTP."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, http.client.BadStatusLine):
            return not isinstance(cause, http.client.RemoteDisconnected)
        cause = cause.__context__
    return False
