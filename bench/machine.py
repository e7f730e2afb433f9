"""What the figures were measured on."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import django
import psycopg
from django.db import connection

ROOT = Path(__file__).resolve().parent.parent
SERVER_SETTINGS = [
    "server_version",
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "shared_buffers",
]


def describe() -> dict[str, str]:
    """Return the machine, the server and the versions, in the order to show them."""
    return {
        "machine": f"{platform.node()}, {platform.system()} {platform.release()}",
        "cpu": f"{cpu_model()}, {os.cpu_count()} cores",
        "memory": memory(),
        "load": "{:.1f} {:.1f} {:.1f} over the last 1, 5 and 15 minutes".format(*os.getloadavg()),
        "postgresql": server_settings(),
        "python": f"{platform.python_implementation()} {sys.version.split()[0]}",
        "django": f"{django.__version__}, psycopg {psycopg.__version__} ({psycopg.pq.__impl__})",
        "commit": commit(),
    }


def cpu_model() -> str:
    """Return the processor's name, as far as the machine tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def memory() -> str:
    """Return the machine's memory."""
    total_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return f"{total_bytes / 2**30:.1f} GB"


def server_settings() -> str:
    """Return the server's version and what it promises about the disk."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, current_setting(name) FROM unnest(%s::text[]) AS name", [SERVER_SETTINGS]
        )
        found = dict(cursor.fetchall())
    version = found.pop("server_version")
    return ", ".join([version, *[f"{name}={value}" for name, value in found.items()]])


def commit() -> str:
    """Return the commit that was measured, and whether files differ from it."""
    found = git("rev-parse", "--short=12", "HEAD")
    if not found:
        return "unknown"
    return f"{found} with changes" if git("status", "--porcelain", "-uno") else found


def git(*arguments: str) -> str:
    """Return what git says; nothing where there is no git or no repository."""
    try:
        asked = subprocess.run(
            ["git", "-C", ROOT, *arguments], capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return asked.stdout.strip() if asked.returncode == 0 else ""
