"""Call a WSGI application and take its whole response, so that no thread waits for a slow reader."""

from collections.abc import Callable
from typing import Any
from wsgiref.types import WSGIApplication

from toolsite.web.messages import Answer


class Response:
    """What the application says as it goes."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self.parts: list[bytes] = []

    def start(
        self, status: str, headers: list[tuple[str, str]], exc_info: object = None, /
    ) -> Callable[[bytes], object]:
        """Be WSGI's start_response. Called again, with an error, it replaces what was said."""
        self.status = int(status.split(" ", 1)[0])
        self.headers = headers
        return self.parts.append


def call_application(application: WSGIApplication, environ: dict[str, Any]) -> Answer:
    """Return the application's answer, after it has closed what it used."""
    response = Response()
    parts = application(environ, response.start)
    try:
        response.parts.extend(parts)
    finally:
        if hasattr(parts, "close"):
            parts.close()
    return Answer(response.status, response.headers, b"".join(response.parts))
