"""A soak, run by name: python3 run.py test toolsite/tests/soak_rude_clients.py -n 0 -s

2,000 silent connections, 100 bodies and 100 headers in drips, all at once; then pages must answer
within a second, in the demo and in the production set-up. It prints a table. Loopback only.
"""

import http.client
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ops.places import ROOT
from ops.site import HOST
from submissions.tests.builders import make_board
from toolsite.tests.live_site import LiveSite
from toolsite.tests.nginx import PROGRAM, SITE_NAME, Nginx

pytestmark = [pytest.mark.cluster, pytest.mark.django_db(transaction=True)]
IDLE, BODIES, HEADERS = 2000, 100, 100
SECONDS = 15
MAX_ANSWER_SECONDS = 1.0
PAGES = ["/", "/accounts/login/", "/healthz"]
PRODUCTION = {
    "TOOLSITE_ALLOWED_HOSTS": f"{SITE_NAME},{HOST}",
    "TOOLSITE_DEBUG": "0",
    "TOOLSITE_PROXIES": "1",
}


@pytest.fixture
def demo() -> Iterator[int]:
    """Return the port of a web server as the demo starts it."""
    with running({}) as site:
        yield site.port


@pytest.fixture
def production() -> Iterator[int]:
    """Return the port of a web server in production mode."""
    with running(PRODUCTION) as site:
        yield site.port


@contextmanager
def running(variables: dict[str, str]) -> Iterator[LiveSite]:
    site = LiveSite(variables=variables)
    try:
        make_board()
        site.prepare()
        site.start_web()
        yield site
    finally:
        site.close()


@contextmanager
def rude_clients(port: int, *more: str) -> Iterator[int]:
    """Yield how many rude clients are there, while they are."""
    numbers = [port, IDLE, BODIES, HEADERS, SECONDS + 30]
    command = [sys.executable, "-m", "toolsite.tests.rude_clients"]
    with subprocess.Popen(
        [*command, *[str(number) for number in numbers], *more],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as crowd:
        assert crowd.stdout is not None
        try:
            yield int(crowd.stdout.readline())
        finally:
            crowd.kill()


def answer(connection: http.client.HTTPConnection, path: str) -> float:
    """Return after how many seconds a page has answered. Raises where it has not."""
    began = time.monotonic()
    try:
        connection.request("GET", path, headers={"Host": SITE_NAME, "X-Forwarded-Proto": "https"})
        response = connection.getresponse()
        response.read()
        assert response.status == 200, response.status
        return time.monotonic() - began
    finally:
        connection.close()


def visit(port: int, trust: ssl.SSLContext | None = None) -> dict[str, list[float]]:
    """Visit the pages in turn, a new connection each time."""
    took: dict[str, list[float]] = {path: [] for path in PAGES}
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        for path in PAGES:
            to = (
                http.client.HTTPSConnection(SITE_NAME, port, timeout=10, context=trust)
                if trust
                else http.client.HTTPConnection(HOST, port, timeout=10)
            )
            took[path].append(answer(to, path))
        time.sleep(0.15)  # below what nginx lets one address ask
    return took


def show(name: str, there: int, took: dict[str, list[float]]) -> None:
    sys.stdout.write(f"\n{name}: {there} rude clients\n")
    for path, seconds in took.items():
        median = sorted(seconds)[len(seconds) // 2]
        sys.stdout.write(
            f"  {path:18} {len(seconds):4} visits  median {median * 1000:4.0f} ms  "
            f"worst {max(seconds) * 1000:4.0f} ms\n"
        )


def judge(there: int, took: dict[str, list[float]]) -> None:
    assert there == IDLE + BODIES + HEADERS
    assert max(max(seconds) for seconds in took.values()) < MAX_ANSWER_SECONDS


def test_the_demo_answers_among_rude_clients(demo: int) -> None:
    with rude_clients(demo) as there:
        took = visit(demo)

    show("demo", there, took)
    judge(there, took)


def test_the_production_server_answers_among_them_by_itself(production: int) -> None:
    with rude_clients(production) as there:
        took = visit(production)

    show("production, without nginx", there, took)
    judge(there, took)


@pytest.mark.skipif(PROGRAM is None, reason="nginx is not installed")
def test_the_production_set_up_answers_among_them(production: int, tmp_path: Path) -> None:
    nginx = Nginx(tmp_path, web_port=production)
    nginx.start()
    certificate = str(tmp_path / "fullchain.pem")
    try:
        with rude_clients(nginx.https_port, certificate) as there:
            took = visit(nginx.https_port, ssl.create_default_context(cafile=certificate))
    finally:
        nginx.stop(signal.SIGTERM)

    show("production, behind nginx", there, took)
    judge(there, took)
