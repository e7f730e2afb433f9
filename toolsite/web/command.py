"""The command that starts granian: what it may hold, and for how long."""

import sys
from typing import Final

MAX_CONNECTIONS: Final = 4096
"""Of each process. They cost next to nothing while nothing is said on them."""
HEADER_SECONDS: Final = 10
"""For a request's headers as a whole; a connection that says nothing is closed as well."""
BUFFER_BYTES: Final = 65_536
NEW_PROCESS_SECONDS: Final = 10
"""At a SIGHUP the old process goes on serving for so long beside the new one, which loads the code."""
STOP_SECONDS: Final = 20
"""For what is under way at a stop: a body has 15 s, a page's work in the database 5 s."""


def web_command(*, host: str, port: int, processes: int, stop_seconds: int) -> list[str]:
    """Return what starts the web server. HTTP/1 alone: HTTP/2 would know no limit for headers."""
    options = {
        "--interface": "asginl",
        "--http": "1",
        "--host": host,
        "--port": str(port),
        "--workers": str(processes),
        "--respawn-interval": str(NEW_PROCESS_SECONDS),
        "--workers-kill-timeout": str(stop_seconds),
        "--backlog": "2048",
        "--backpressure": str(MAX_CONNECTIONS),
        "--http1-header-read-timeout": str(HEADER_SECONDS * 1000),
        "--http1-buffer-size": str(BUFFER_BYTES),
        "--log-level": "warning",
    }
    flat = [part for option in options.items() for part in option]
    flags = ["--no-ws", "--respawn-failed-workers", "--factory"]
    return [sys.executable, "-m", "granian", *flat, *flags, "toolsite.asgi:child_application"]
