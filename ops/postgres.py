"""A PostgreSQL of our own: a data folder, a Unix socket nobody else can reach, no TCP."""

import contextlib
import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from ops.locks import is_locked, try_lock
from ops.places import data_dir
from ops.postgres_programs import (
    Programs,
    find_programs,
    reachable_home,
    reachable_programs,
    server_user,
    succeeds_as,
)
from ops.process import end, kill_group, spawn
from ops.refusal import Refused

DATABASE = USER = "toolsite"
MAX_SOCKET_BYTES = 100  # macOS allows 104, Linux 108, for the whole path of the socket
START_SECONDS = 60
UNSAFE_BUT_FAST = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
YOUNG_SECONDS = 60  # its maker may not have locked it yet
THROW_AWAY_PREFIX = "toolsite-postgres-"


@dataclass(frozen=True)
class Server:
    """One PostgreSQL server: whose programs, which data, which socket."""

    programs: Programs
    user: pwd.struct_passwd | None
    data: Path
    socket: Path
    settings: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """Return its DATABASE_URL."""
        return f"postgresql://{USER}@/{DATABASE}?host={quote(str(self.socket), safe='')}"

    @property
    def command(self) -> list[str | Path]:
        """Return what starts it."""
        settings = [
            "listen_addresses=",
            "unix_socket_permissions=0700",
            "max_connections=300",
            "timezone=UTC",
            "log_timezone=UTC",
            "log_checkpoints=off",
            *self.settings,
        ]
        options = [part for setting in settings for part in ("-c", setting)]
        return [self.programs.folder / "postgres", "-D", self.data, "-k", self.socket, *options]

    def is_ready(self) -> bool:
        """Say whether it takes connections."""
        asked: list[str | Path] = [
            self.programs.folder / "pg_isready",
            "-q",
            "-h",
            self.socket,
            "-U",
            USER,
        ]
        return subprocess.run(asked, check=False).returncode == 0


def site_server() -> Server:
    """Return the server of this checkout's site, its data made where there is none."""
    user = server_user()
    base = own_folder(base_folder(user), user)
    there = [int(path.parent.name) for path in base.glob("[0-9]*/PG_VERSION")]
    programs = find_programs(max(there, default=None))
    if there and programs.major not in there:
        raise Refused(words_for_old_data(base / str(max(there)), programs.major))
    server = Server(
        reachable_programs(programs, user), user, base / str(programs.major), socket_folder(base)
    )
    own_folder(server.socket, user)
    make_data(server, durable=True)
    return server


def base_folder(user: pwd.struct_passwd | None) -> Path:
    """Return where the data lives: in the data folder, or where the server's user can reach."""
    base = data_dir() / "postgres"
    base.parent.mkdir(parents=True, exist_ok=True)
    if user is None or succeeds_as(user, ["test", "-x", base.parent]):
        return base
    return reachable_home() / "postgres"


def words_for_old_data(data: Path, new_major: int) -> str:
    """Return what to do with data that our programs cannot read."""
    old, socket = data.name, socket_folder(data.parent)
    return (
        f"{data} was made by PostgreSQL {old}, and the one found here is {new_major}. "
        f"With PostgreSQL {old}'s programs, as the owner of that folder: "
        f"`postgres -D {data} -k {socket}` and "
        f"`pg_dump --clean --if-exists -h {socket} -U {USER} {DATABASE} > dump.sql`. "
        "Then move the folder away, start `python3 run.py`, and while it runs load the dump: "
        f"`psql -h {socket} -U {USER} {DATABASE} < dump.sql`."
    )


def own_folder(folder: Path, user: pwd.struct_passwd | None) -> Path:
    """Make a folder that only the server's user can enter; never touch somebody else's."""
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700, parents=True)
        if user is not None:
            os.chown(folder, user.pw_uid, user.pw_gid)
    owner = folder.lstat().st_uid
    if folder.is_symlink() or owner != (os.geteuid() if user is None else user.pw_uid):
        raise Refused(
            f"{folder} belongs to another user (id {owner}); start run.py as the user who "
            "started it first, or set TOOLSITE_DATA_DIR to a folder of your own."
        )
    folder.chmod(0o700)
    return folder


def socket_folder(base: Path) -> Path:
    """Return a folder whose path is short enough for a socket."""
    folder = base / "socket"
    if len(os.fsencode(folder / ".s.PGSQL.5432.lock")) <= MAX_SOCKET_BYTES:
        return folder
    digest = hashlib.sha256(os.fsencode(base.resolve())).hexdigest()[:10]
    return Path("/tmp") / f"toolsite-{os.geteuid()}-{digest}"  # noqa: S108  own_folder checks it


def make_data(server: Server, *, durable: bool) -> None:
    """Make the data folder with our database in it, whole or not at all."""
    if (server.data / "PG_VERSION").exists():
        return
    for leftover in server.data.parent.glob("new-*"):
        shutil.rmtree(leftover)
    draft = server.data.with_name(f"new-{os.getpid()}")
    locale = ["--locale=C.UTF-8"]
    if server.programs.major >= 17:
        locale = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    options = ["--auth=trust", "--encoding=UTF8", "--no-instructions", f"--username={USER}"]
    sync = [] if durable else ["--no-sync"]
    run_program(server, ["initdb", "-D", draft, *options, *locale, *sync])
    fsync = f"fsync={'on' if durable else 'off'}"
    run_program(
        server,
        ["postgres", "--single", "-D", draft, "-c", fsync, "postgres"],
        says=f"CREATE DATABASE {DATABASE}\n",
    )
    draft.rename(server.data)


def run_program(server: Server, command: list[str | Path], *, says: str = "") -> None:
    """Run one of PostgreSQL's programs as the server's user."""
    user = server.user
    done = subprocess.run(
        [server.programs.folder / command[0], *command[1:]],
        cwd="/",
        env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
        input=says,
        capture_output=True,
        text=True,
        check=False,
        user=None if user is None else user.pw_uid,
        group=None if user is None else user.pw_gid,
        extra_groups=None if user is None else [],
    )
    if done.returncode:
        raise Refused(f"{command[0]} failed: {(done.stderr or done.stdout).strip()[-2000:]}")


def launch(server: Server, log: Path) -> subprocess.Popen[bytes]:
    """Start the server and return at once."""
    with log.open("ab") as out:
        return spawn(
            server.command,
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
            user=server.user,
            log=out,
            death_signal=signal.SIGINT,
        )


def start(server: Server, log: Path) -> subprocess.Popen[bytes]:
    """Start the server and wait until it takes connections; Refused with its log if it will not."""
    child = launch(server, log)
    deadline = time.monotonic() + START_SECONDS
    try:
        while not server.is_ready():
            if child.poll() is not None or time.monotonic() > deadline:
                last_lines = "\n".join(log.read_text(errors="replace").splitlines()[-10:])
                raise Refused(f"PostgreSQL did not start; the end of {log}:\n{last_lines}")
            time.sleep(0.02)
    except BaseException:
        stop(child)
        raise
    return child


def stop(child: subprocess.Popen[bytes], *, seconds: float = 10) -> None:
    """Stop the server in order: open transactions roll back, everything committed is kept."""
    end(child, signal.SIGINT, seconds=seconds)
    kill_group(child)


@contextlib.contextmanager
def throw_away_server(*, durable: bool) -> Iterator[str]:
    """Run an empty server and yield its URL; nothing of it is left afterwards."""
    remove_abandoned()
    user = server_user()
    folder = Path(tempfile.mkdtemp(prefix=THROW_AWAY_PREFIX, dir=throw_away_parent(user)))
    lock = try_lock(folder / "lock")
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
    child = None
    try:
        programs = reachable_programs(find_programs(), user)
        settings = () if durable else tuple(UNSAFE_BUT_FAST)
        server = Server(programs, user, folder / "data", folder, settings)
        make_data(server, durable=False)
        child = start(server, folder / "server.log")
        yield server.url
    finally:
        if child is not None:
            stop(child)
        shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def throw_away_parent(user: pwd.struct_passwd | None) -> Path:
    """Return the folder for temporary files, or /tmp where it is out of reach or its path long."""
    usual = Path(tempfile.gettempdir())
    short = len(os.fsencode(usual)) < MAX_SOCKET_BYTES - 50
    reachable = user is None or succeeds_as(user, ["test", "-x", usual])
    return usual if short and reachable else Path("/tmp")  # noqa: S108  mkdtemp makes it ours


def remove_abandoned() -> None:
    """Remove what a killed run.py could not: its server is dead, its lock is free."""
    for parent in {Path(tempfile.gettempdir()), Path("/tmp")}:  # noqa: S108
        for folder in parent.glob(f"{THROW_AWAY_PREFIX}*"):
            with contextlib.suppress(OSError):
                is_old = time.time() - folder.stat().st_mtime > YOUNG_SECONDS
                if is_old and not is_locked(folder / "lock"):
                    shutil.rmtree(folder)
