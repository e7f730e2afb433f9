"""Visitors of a web server, many at once. Knows nothing of Django: it runs in processes of its own."""

import http.client
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from bench.side_by_side import side_by_side

HOST = "127.0.0.1"
PROCESSES = 2
THREADS = 4
"""Of each process."""


@dataclass(frozen=True)
class Visit:
    """A POST by somebody who is signed in and has a form's token."""

    path: str
    session: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        """Return what the browser sends along."""
        return {
            "Cookie": f"sessionid={self.session}; csrftoken={self.token}",
            "X-CSRFToken": self.token,
        }


@dataclass(frozen=True)
class Answer:
    """How a visit went. Times are seconds of the machine's monotonic clock."""

    status: int
    asked_at: float
    answered_at: float


def post_all(port: int, visits: Sequence[Visit]) -> list[Answer]:
    """Post all of it from several processes with several threads each."""
    shares = [(port, visits[part::PROCESSES]) for part in range(PROCESSES)]
    return [answer for answers in side_by_side(post_share, shares) for answer in answers]


def post_share(port: int, visits: Sequence[Visit]) -> list[Answer]:
    """Post this process's share, its threads side by side."""
    with ThreadPoolExecutor(THREADS) as pool:
        parts = [visits[part::THREADS] for part in range(THREADS)]
        done = pool.map(lambda part: post_in_turn(port, part), parts)
        return [answer for answers in done for answer in answers]


def post_in_turn(port: int, visits: Sequence[Visit]) -> list[Answer]:
    """Post one after the other on one connection."""
    own = http.client.HTTPConnection(HOST, port, timeout=30)
    answers = []
    for visit in visits:
        asked_at = time.monotonic()
        own.request("POST", visit.path, body=b"", headers=visit.headers)
        response = own.getresponse()
        response.read()
        answers.append(Answer(response.status, asked_at, time.monotonic()))
    own.close()
    return answers


def is_up(port: int) -> bool:
    """Say whether the web server answers."""
    own = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        own.request("GET", "/healthz")
        return own.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        own.close()
