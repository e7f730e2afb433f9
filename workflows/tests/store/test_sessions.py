"""Sessions are introduced to the server; those of a pooler are left as they are."""

from collections.abc import Iterator

import psycopg
import pytest

from workflows.store.database import query
from workflows.store.sessions import _INTRODUCE, NOTICE_THE_LOSS, introduce
from workflows.tests.builders import connected
from workflows.tests.cluster.postgres import Postgres

pytestmark = pytest.mark.usefixtures("committed")

ADDRESS = "127.0.97.13"
"""Of the loop, where no other server listens."""


def told(own: "psycopg.Connection[tuple[object, ...]]", setting: str) -> object:
    row = own.execute("SELECT current_setting(%s)", [setting]).fetchone()
    assert row is not None
    return row[0]


def test_a_session_bears_its_name() -> None:
    with connected() as own:
        introduce(own, "workflows 1@here")

        assert told(own, "application_name") == "workflows 1@here"


def test_a_session_that_is_a_poolers_is_left_as_it_is() -> None:
    """What a pooler says of the server's pid is made up: so it is told from a session of our own."""
    with connected() as own:
        before = told(own, "application_name")

        query(_INTRODUCE, {"name": "workflows 1@here", "pid": own.info.backend_pid + 1}, on=own)

        assert told(own, "application_name") == before


@pytest.fixture(scope="module")
def on_the_network() -> Iterator[str]:
    """Return where a server of our own listens for TCP."""
    server = Postgres(f"listen_addresses={ADDRESS}")
    access = server.server.data / "pg_hba.conf"
    access.write_text(access.read_text() + "\nhost all all 127.0.0.0/8 trust\n")
    try:
        server.start()
        yield f"host={ADDRESS} user=toolsite dbname=toolsite"
    finally:
        server.close()


def test_the_server_notices_soon_when_a_host_is_gone(on_the_network: str) -> None:
    with psycopg.connect(on_the_network, autocommit=True) as own:
        introduce(own, "workflows")

        assert {name: int(str(told(own, name))) for name in NOTICE_THE_LOSS} == NOTICE_THE_LOSS


def test_a_shorter_time_that_is_set_already_stays(on_the_network: str) -> None:
    shorter = "-c tcp_keepalives_idle=4"
    with psycopg.connect(on_the_network, options=shorter, autocommit=True) as own:
        introduce(own, "workflows")

        assert told(own, "tcp_keepalives_idle") == "4"
