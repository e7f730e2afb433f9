"""A person's program that talks HTTP to the site, one connection per request."""

import http.client
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.utils.crypto import get_random_string

from ops.site import HOST
from toolsite.tests.live_site import LiveSite

CSRF_CHARACTERS = 32
FORM = "application/x-www-form-urlencoded"
ANSWER_SECONDS = 60

Value = TypeVar("Value")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    """By their names in lower case."""
    text: str

    @property
    def location(self) -> str:
        return self.headers.get("location", "")


@dataclass
class Client:
    """Somebody's cookies; every request sends the token that goes with them."""

    site: LiveSite
    user: User | None = None
    token: str = field(default_factory=lambda: get_random_string(CSRF_CHARACTERS))

    def __post_init__(self) -> None:
        cookies = {"csrftoken": self.token}
        if self.user is not None:
            cookies["sessionid"] = self.site.session_cookie(self.user)
        self.headers = {
            "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
            "X-CSRFToken": self.token,
        }

    def get(self, path: str) -> Answer:
        return self.ask("GET", path)

    def post(
        self,
        path: str,
        fields: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        body = urlencode(fields or {}).encode()
        return self.ask("POST", path, body, {"Content-Type": FORM} | dict(headers or {}))

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request and return the answer; redirects are not followed."""
        connection = http.client.HTTPConnection(HOST, self.site.port, timeout=ANSWER_SECONDS)
        try:
            # Who sends too much is answered before all of it has been read.
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, path, body or None, self.headers | dict(headers or {}))
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
            said = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, said, text)
        finally:
            connection.close()


def together(calls: Sequence[Callable[[], Value]]) -> list[Value]:
    """Make all calls at the same moment, each in a thread of its own."""
    start = threading.Barrier(len(calls))

    def call_at_the_start(call: Callable[[], Value]) -> Value:
        start.wait(30)
        return call()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(call_at_the_start, calls))
