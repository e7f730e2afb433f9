"""`python3 run.py`: PostgreSQL, migrations, demo, web server and cluster, until it is stopped."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from ops import postgres
from ops.bootstrap import ensure
from ops.code_watch import CodeWatch
from ops.locks import is_locked, try_lock
from ops.places import PYTHON, data_dir, say
from ops.process import run
from ops.refusal import Refused
from ops.supervise import Service, python_service, supervise

HOST = "127.0.0.1"
DEMO_ACCOUNTS = "demo-accounts.txt"
LEFTOVERS_SECONDS = 10
MAX_LOG_BYTES = 10_000_000
SETTING_NAMES = ("DATABASE_URL", "EMAIL_URL")


def start_site(port: int, chosen: Mapping[str, int | str | None]) -> int:
    """Run the site until a signal stops it; return the exit code. chosen: settings by their names in the
    environment; None: not chosen."""
    folder = data_dir()
    folder.mkdir(parents=True, exist_ok=True)
    with the_only_one(folder):
        refuse_taken_port(port)
        ensure("requirements.txt")
        logs = log_folder(folder)
        with database(logs) as (url, services):
            env = site_environment(url, port, chosen)
            welcome = Welcome(port, folder)
            prepare(env)
            with remembered(folder, env), watched_cluster(env, logs) as (drives, look):
                services += [web(port, env, logs), drives]
                return supervise(services, each_tick=both(welcome.tell, look))


@contextlib.contextmanager
def the_only_one(folder: Path) -> Iterator[None]:
    """Hold the lock that says a site is running on this data folder."""
    lock = try_lock(folder / "run.lock")
    if lock is None:
        running = running_environment()
        where = f" at {running['TOOLSITE_SITE_URL']}" if running else ""
        raise Refused(f"the site is running already{where} (data folder {folder}).")
    try:
        yield
    finally:
        os.close(lock)


def refuse_taken_port(port: int) -> None:
    """Raise Refused where another program listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise Refused(
                f"port {port} cannot be used ({error.strerror}); "
                "choose another: python3 run.py --port 8001"
            ) from None


def log_folder(folder: Path) -> Path:
    """Return the folder of the logs, and put away those that have grown large."""
    logs = folder / "log"
    logs.mkdir(exist_ok=True)
    for log in logs.glob("*.log"):
        if log.stat().st_size > MAX_LOG_BYTES:
            log.replace(log.with_suffix(".log.1"))
    return logs


@contextlib.contextmanager
def database(logs: Path) -> Iterator[tuple[str, list[Service]]]:
    """Yield the URL of a database that answers, and the service that keeps it up if it is ours."""
    given = os.environ.get("DATABASE_URL", "").strip()
    if given:
        yield given, []
        return
    server = postgres.site_server()
    log = logs / "postgres.log"
    service = Service(
        "postgres",
        start=lambda: postgres.launch(server, log),
        log=log,
        stop_signal=signal.SIGINT,
        stops_last=True,
        child=start_after_leftovers(server, log),
    )
    try:
        yield server.url, [service]
    finally:
        if service.child is not None:
            postgres.stop(service.child)


def start_after_leftovers(server: postgres.Server, log: Path) -> subprocess.Popen[bytes]:
    """Start PostgreSQL; where the last run.py was killed, its server may still be shutting down."""
    deadline = time.monotonic() + LEFTOVERS_SECONDS
    while (server.data / "postmaster.pid").exists() and time.monotonic() < deadline:
        if not server_lives(server):
            break
        time.sleep(0.05)
    return postgres.start(server, log)


def server_lives(server: postgres.Server) -> bool:
    """Say whether the process that the data folder names is still there."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        pid = int((server.data / "postmaster.pid").read_text().splitlines()[0])
        return b"postgres" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def site_environment(url: str, port: int, chosen: Mapping[str, int | str | None]) -> dict[str, str]:
    """Return the environment of everything that belongs to this site."""
    env = {
        "TOOLSITE_DEBUG": "1",
        **{name: value for name, value in os.environ.items() if value.strip()},
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "toolsite.settings",
        "PYTHONUNBUFFERED": "1",
    }
    env |= {name: str(value) for name, value in chosen.items() if value is not None}
    if env["TOOLSITE_DEBUG"] == "1":
        env.setdefault("TOOLSITE_SITE_URL", f"http://{HOST}:{port}")
    return env


def prepare(env: dict[str, str]) -> None:
    """Bring the database up to date, and fill it once in the demo."""
    code = run([PYTHON, "manage.py", "prepare_site"], env=env)
    if code == 2:
        raise SystemExit(2)  # the environment is wrong, and a line has said so
    if code:
        raise Refused("the site could not be prepared; the lines above say why.")


@contextlib.contextmanager
def remembered(folder: Path, env: dict[str, str]) -> Iterator[None]:
    """Keep the site's settings while it runs, for its owner only: `run.py manage` needs them."""
    path = folder / "site.json"
    kept = {
        name: value
        for name, value in env.items()
        if name.startswith("TOOLSITE_") or name in SETTING_NAMES
    }
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(kept, file)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def running_environment() -> dict[str, str]:
    """Return the settings of the site that is running on this data folder, or nothing."""
    folder = data_dir()
    if not is_locked(folder / "run.lock"):
        return {}
    try:
        kept: dict[str, str] = json.loads((folder / "site.json").read_text())
    except (OSError, ValueError):
        return {}
    return kept


def web(port: int, env: dict[str, str], logs: Path) -> Service:
    """Return the web server."""
    return python_service("web", web_command(port), env=env, logs=logs)


def web_command(port: int) -> list[str | Path]:
    """Return what starts the web server; a stop must be over before the supervisor's patience."""
    options = ["--host", HOST, "--port", str(port), "--stop-seconds", "2"]
    return [PYTHON, "manage.py", "runweb", *options]


def cluster(env: dict[str, str], logs: Path) -> Service:
    """Return the cluster that drives the workflows."""
    return python_service("cluster", [PYTHON, "manage.py", "runcluster"], env=env, logs=logs)


@contextlib.contextmanager
def watched_cluster(
    env: dict[str, str], logs: Path
) -> Iterator[tuple[Service, Callable[[], None]]]:
    """Yield the cluster, and what to do at each tick: in the demo, new code starts it again."""
    service = cluster(env, logs)
    if env["TOOLSITE_DEBUG"] != "1":
        yield service, lambda: None
        return
    watch = CodeWatch(service, env, service.log)
    try:
        yield service, watch.look
    finally:
        watch.close()


def both(first: Callable[[], None], second: Callable[[], None]) -> Callable[[], None]:
    """Return a function that calls the two."""

    def call() -> None:
        first()
        second()

    return call


class Welcome:
    """Says once where the site is, as soon as it answers, and who can sign in to a new demo."""

    def __init__(self, port: int, folder: Path) -> None:
        self.port = port
        self.folder = folder
        self.known_accounts = self.accounts()
        self.said = False

    def accounts(self) -> str:
        """Return the demo's accounts with their passwords, if there are any."""
        try:
            return (self.folder / DEMO_ACCOUNTS).read_text()
        except OSError:
            return ""

    def tell(self) -> None:
        """Print the address when the web server answers for the first time."""
        if self.said or not answers(self.port):
            return
        self.said = True
        say(f"Toolsite is running: http://{HOST}:{self.port}/   (Ctrl-C stops everything)")
        if self.accounts() != self.known_accounts:
            say(f"Accounts (shown once; kept in {self.folder / DEMO_ACCOUNTS}):")
            say(self.accounts().rstrip())
        say(f"Logs: {self.folder / 'log'}")


def answers(port: int) -> bool:
    """Say whether the web server is up."""
    connection = http.client.HTTPConnection(HOST, port, timeout=1)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
