"""The web site of the tools that people send: pages, missing pages, and pages that wait."""

import itertools
import random
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from toolsite.tests.journeys.waiting import wait_until

PORTS = range(27_000, 28_000)
LONGEST_WAIT_SECONDS = 30
PAGE = b"<!doctype html><title>A tool</title><h1>A tool</h1><p>It does something useful."


class LinkServer:
    """Serves links on loopback, each of them asked for in one test only."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.gates: dict[str, threading.Event] = {}
        self.numbers = itertools.count(1)
        self.server = listen(self)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)

    def page(self) -> str:
        """Return a link that answers with a page."""
        return self.link("page")

    def missing(self) -> str:
        """Return a link that answers 404."""
        return self.link("missing")

    def gated(self) -> str:
        """Return a link that answers with a page as soon as the gate is opened."""
        link = self.link("gated")
        self.gates[self.path_of(link)] = threading.Event()
        return link

    def link(self, kind: str) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/{kind}/{next(self.numbers)}"

    def open(self, link: str) -> None:
        """Let a gated link answer, from now on."""
        self.gates[self.path_of(link)].set()

    def wait_until_asked(self, link: str, times: int = 1) -> None:
        """Wait until the link check has asked for the link so often."""
        path = self.path_of(link)
        wait_until(lambda: self.asked[path] >= times, f"{times} requests for {path}")

    def path_of(self, link: str) -> str:
        return "/" + link.split("/", 3)[3]

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        for gate in self.gates.values():
            gate.set()
        self.server.shutdown()
        self.server.server_close()


def listen(links: LinkServer) -> ThreadingHTTPServer:
    """Return a server on one of our ports."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            links.asked[self.path] += 1
            if gate := links.gates.get(self.path):
                gate.wait(LONGEST_WAIT_SECONDS)
            is_there = not self.path.startswith("/missing/")
            self.send_response(200 if is_there else 404)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(PAGE)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: what was asked is counted."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """Say nothing: a worker that was killed in a check hangs up."""

    for port in random.SystemRandom().sample(PORTS, 50):
        try:
            return Server(("127.0.0.1", port), Handler)
        except OSError:
            continue
    raise AssertionError(f"no free port from {PORTS.start} to {PORTS.stop}")
