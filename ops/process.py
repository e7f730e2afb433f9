"""Child processes that cannot outlive run.py."""

import contextlib
import ctypes
import os
import pwd
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from ops.places import ROOT
from ops.refusal import Refused

PR_SET_PDEATHSIG = 1
# Loaded before any fork: loading a library between fork and exec could dead-lock.
LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent(parent_pid: int, death_signal: int = signal.SIGKILL) -> None:
    """Ask the kernel to send this process a signal when its parent dies (Linux only)."""
    if LIBC is None:
        return
    LIBC.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent_pid:  # it died before we asked
        os.kill(os.getpid(), death_signal)


def before_exec(death_signal: int) -> Callable[[], None]:
    """Return what a child does between fork and exec."""
    parent_pid = os.getpid()

    def prepare() -> None:
        die_with_parent(parent_pid, death_signal)

    return prepare


def spawn(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    user: pwd.struct_passwd | None = None,
    log: IO[bytes] | None = None,
    death_signal: int = signal.SIGKILL,
) -> subprocess.Popen[bytes]:
    """Start a service in a session of its own: Ctrl-C in the terminal reaches only run.py."""
    return subprocess.Popen(
        [str(part) for part in command],
        cwd=ROOT if user is None else "/",
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
        preexec_fn=before_exec(death_signal),
        user=None if user is None else user.pw_uid,
        group=None if user is None else user.pw_gid,
        extra_groups=None if user is None else [],
    )


def run(command: Sequence[str | Path], *, env: Mapping[str, str] | None = None) -> int:
    """Run a command in our terminal and return its exit code; it ends before we do."""
    child = subprocess.Popen(
        [str(part) for part in command],
        cwd=ROOT,
        env=env,
        preexec_fn=before_exec(signal.SIGTERM),
    )
    try:
        return child.wait()
    except BaseException:
        end(child, signal.SIGTERM, seconds=10)
        raise


def run_or_refuse(
    command: Sequence[str | Path], *, doing: str, env: Mapping[str, str] | None = None
) -> None:
    """Run a command that must succeed. What it printed says why it did not."""
    code = run(command, env=env)
    if code:
        raise Refused(f"{doing} failed (exit code {code}); the lines above say why.")


def end(child: subprocess.Popen[bytes], stop_signal: int, *, seconds: float) -> None:
    """Stop a child and wait for it; kill it where it takes too long."""
    with contextlib.suppress(ProcessLookupError):
        child.send_signal(stop_signal)
    try:
        child.wait(seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def kill_group(child: subprocess.Popen[bytes]) -> None:
    """Kill whatever is left of a service's session: orphans of a parent that is gone."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
