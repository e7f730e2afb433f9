"""A port for a server that is started now, by tests and measurements that run side by side."""

import random
import socket
import tempfile
from pathlib import Path

from ops.locks import try_lock
from ops.site import HOST

PORTS = range(21000, 27000)
"""Below those that kernels usually give away by themselves."""


def free_port() -> int:
    """Return a port that can be listened on. No other process here is given it while this one lives.

    Raises OSError when none is free.
    """
    locks = Path(tempfile.gettempdir()) / "toolsite-ports"
    locks.mkdir(exist_ok=True)
    for port in random.SystemRandom().sample(PORTS, len(PORTS)):
        if _is_free(port) and try_lock(locks / str(port)) is not None:
            return port
    raise OSError(f"every port from {PORTS.start} to {PORTS.stop - 1} is taken")


def _is_free(port: int) -> bool:
    """Bound as servers do it: a socket may hold a port without listening, which no visit notices."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
