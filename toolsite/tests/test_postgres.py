"""A PostgreSQL of our own: thrown away whole, kept whole, and never mixed up with an older one."""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from ops import postgres
from ops.postgres_programs import server_user
from ops.process import kill_group
from ops.refusal import Refused


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a data folder that every user can reach."""
    path = Path(tempfile.mkdtemp(prefix="toolsite-data-"))
    path.chmod(0o755)
    monkeypatch.setenv("TOOLSITE_DATA_DIR", str(path))
    yield path
    shutil.rmtree(path)


def test_a_throw_away_server_leaves_nothing() -> None:
    with postgres.throw_away_server(durable=False) as url:
        with psycopg.connect(url) as connection:
            answer = connection.execute("SELECT current_database()").fetchone()
            folder = Path(str(connection.info.host))
        was_there = folder.exists()

    assert (answer, was_there) == (("toolsite",), True)
    assert not folder.exists()


def test_a_throw_away_server_is_removed_when_its_user_fails() -> None:
    seen: list[Path] = []

    with pytest.raises(ZeroDivisionError), postgres.throw_away_server(durable=False) as url:
        seen.append(Path(str(psycopg.conninfo.conninfo_to_dict(url)["host"])))
        raise ZeroDivisionError

    assert not seen[0].exists()


def test_what_a_killed_run_left_behind_is_removed_by_the_next() -> None:
    abandoned = Path(tempfile.mkdtemp(prefix=postgres.THROW_AWAY_PREFIX))
    (abandoned / "lock").touch()
    an_hour_ago = time.time() - 3600
    os.utime(abandoned, (an_hour_ago, an_hour_ago))

    postgres.remove_abandoned()

    assert not abandoned.exists()


def test_what_a_killed_server_had_committed_is_there_again(folder: Path) -> None:
    server = postgres.site_server()
    child = postgres.start(server, folder / "log")
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE promise AS SELECT 'kept' AS word")
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    kill_group(child)

    again = postgres.start(server, folder / "log")

    with psycopg.connect(server.url) as connection:
        row = connection.execute("SELECT word FROM promise").fetchone()
    postgres.stop(again)
    assert row == ("kept",)


def test_only_its_owner_can_reach_the_socket(folder: Path) -> None:
    server = postgres.site_server()

    assert server.socket.stat().st_mode & 0o777 == 0o700
    assert "listen_addresses=" in server.command


def test_data_of_another_major_version_is_refused_with_the_way_out(folder: Path) -> None:
    base = postgres.own_folder(folder / "postgres", server_user())
    (base / "9").mkdir()
    (base / "9" / "PG_VERSION").write_text("9\n")

    with pytest.raises(Refused, match="was made by PostgreSQL 9") as refused:
        postgres.site_server()

    assert "pg_dump" in str(refused.value)
    assert [path.name for path in base.iterdir()] == ["9"]


def test_a_folder_of_another_user_is_left_alone(folder: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can make a folder of another user's")
    theirs = folder / "theirs"
    theirs.mkdir(mode=0o755)
    os.chown(theirs, 12345, 12345)

    with pytest.raises(Refused, match="belongs to another user"):
        postgres.own_folder(theirs, None)

    assert theirs.stat().st_mode & 0o777 == 0o755


def test_a_long_path_gets_a_socket_elsewhere() -> None:
    deep = Path("/") / "/".join(["a-folder-with-a-long-name"] * 6)

    assert postgres.socket_folder(deep) != deep / "socket"
    assert len(str(postgres.socket_folder(deep))) < 60


def test_a_server_that_cannot_start_shows_its_log(folder: Path) -> None:
    server = postgres.site_server()
    (server.data / "postgresql.conf").write_text("no_such_setting = 1\n")

    with pytest.raises(Refused, match="no_such_setting"):
        postgres.start(server, folder / "log")
