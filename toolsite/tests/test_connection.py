"""The connection to PostgreSQL: how long a network that swallows packets is believed in."""

import json
import os
import socket
import subprocess
import sys

import pytest
from django.db import connection

from ops.places import PYTHON
from toolsite.tests.live_site import database_url

SAY_WHAT_IS_IN_FORCE = """
import django, json
django.setup()
from django.db import connection
connection.ensure_connection()
print(json.dumps(connection.connection.info.get_parameters()))
"""


def in_force_with(query: str) -> dict[str, str]:
    """Return the parameters of the connection that a process of the site opens."""
    url = database_url()
    env = {
        **os.environ,
        "DATABASE_URL": f"{url}{'&' if '?' in url else '?'}{query}",
        "DJANGO_SETTINGS_MODULE": "toolsite.tests.settings",
    }
    command = [str(PYTHON), "-c", SAY_WHAT_IS_IN_FORCE]
    told = subprocess.run(command, env=env, capture_output=True, check=True, text=True)
    known: dict[str, str] = json.loads(told.stdout)
    return known


@pytest.mark.django_db
def test_a_silent_network_is_noticed_within_seconds() -> None:
    known = connection.connection.info.get_parameters()

    assert known["tcp_user_timeout"] == "15000"
    assert (known["keepalives_idle"], known["keepalives_interval"]) == ("10", "3")
    assert known["keepalives_count"] == "3"


@pytest.mark.skipif(sys.platform != "linux", reason="the options have other names elsewhere")
@pytest.mark.django_db
def test_the_kernel_watches_over_a_tcp_connection() -> None:
    with socket.socket(fileno=os.dup(connection.connection.fileno())) as own:
        if own.family == socket.AF_UNIX:
            pytest.skip("the tests' PostgreSQL is reached through a Unix socket")
        assert own.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert own.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 10
        assert own.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 15_000


@pytest.mark.django_db
def test_what_the_url_says_goes_before() -> None:
    known = in_force_with("keepalives_idle=77&tcp_user_timeout=4000")

    assert (known["keepalives_idle"], known["tcp_user_timeout"]) == ("77", "4000")
    assert known["keepalives_interval"] == "3"
