"""Who a worker process is: where its pid means something, and the name of its sessions.

Containers may share a host's name and its pids. So a process is looked up by its pid only in its own
place, and its sessions on the server carry a name that no other process has.
"""

import os
import secrets
import socket
from functools import cache
from pathlib import Path

from django.db import DEFAULT_DB_ALIAS
from django.db.backends.base.base import BaseDatabaseWrapper

from workflows.conf import conf
from workflows.store import sessions

LONGEST_NAME = 63
"""PostgreSQL cuts an application_name there."""
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_PIDS = Path("/proc/self/ns/pid")


@cache
def place() -> str:
    """Return what tells one space of pids from another: the host's boot and its pid namespace;
    without /proc, the host's name."""
    try:
        return f"{_BOOT_ID.read_text().strip()} {os.readlink(_PIDS)}"
    except OSError:
        return socket.gethostname()


def session_name() -> str:
    """Return the application_name of this process's sessions; "" where they have none, since a pooler
    lends them to others as well."""
    return _session_name(os.getpid()) if conf().direct_database == DEFAULT_DB_ALIAS else ""


@cache
def _session_name(pid: int) -> str:
    # Drawn anew after a fork, which the pid tells: names are never used again, pids are.
    name = f"workflows {secrets.token_hex(4)} {pid}@{socket.gethostname()}"
    return "".join(each if " " <= each <= "~" else "?" for each in name)[:LONGEST_NAME]


def introduce(*, connection: BaseDatabaseWrapper, **_: object) -> None:
    """Let the server know whose a session is that Django has just opened (receiver of
    connection_created); behind a pooler it is nobody's for long."""
    if connection.alias == DEFAULT_DB_ALIAS == conf().direct_database:
        with connection.wrap_database_errors:
            sessions.introduce(connection.connection, session_name())
