"""Kills a worker before or after the n-th call of a store function for a run, once per run.

The run's input says where: crash_at="append:before:2". Calls are counted, and a kill is noted, in
files, since the process that makes them does not live to tell.
"""

import functools
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from django.db import transaction

from workflows.core.run import ClaimedRun
from workflows.engine import worker_loop
from workflows.engine.attempts import step_attempt
from workflows.store import events, history, parking, queue, runs

FUNCTIONS = [
    (history, "append"),
    (history, "set_status"),
    (events, "consume"),
    (parking, "park_run"),
    (runs, "end_run"),
    (runs, "block_run"),
    (queue, "release_run"),
]
"""Every write of a drive, where the engine looks it up. The claim, and an atomic step as a whole
with its commit, come on top."""

_folder = Path()


def install(folder: Path) -> None:
    """Put a crash point around each function."""
    global _folder
    _folder = folder
    for module, name in FUNCTIONS:
        replace(module, name, functools.partial(_around, name))
    replace(worker_loop, "claim_run", _around_claim)
    replace(step_attempt, "_run_atomic", _around_atomic_step)


def replace(module: ModuleType, name: str, wrap: Callable[[Any], Any]) -> None:
    """Put a wrapper in a function's place."""
    setattr(module, name, wrap(getattr(module, name)))


def calls(folder: Path, run_id: object, function: str) -> int:
    """Return how often a function was called for a run."""
    counter = folder / "calls" / f"{run_id}.{function}.before"
    return counter.stat().st_size if counter.exists() else 0


def killed(folder: Path) -> dict[str, str]:
    """Return run id to crash point of every kill."""
    return {path.name: path.read_text() for path in (folder / "killed").iterdir()}


def _around(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(run: ClaimedRun, *args: Any, **kwargs: Any) -> Any:
        _pass(run.id, _crash_at(run), f"{name}.before")
        result = function(run, *args, **kwargs)
        _pass(run.id, _crash_at(run), f"{name}.after")
        return result

    return wrapper


def _around_claim(function: Callable[..., Any]) -> Callable[..., Any]:
    def wrapper(**kwargs: Any) -> ClaimedRun | None:
        # Which run it is is known only afterwards: to die before the claim is to die uncommitted.
        with transaction.atomic():
            run: ClaimedRun | None = function(**kwargs)
            if run is not None:
                _pass(run.id, _crash_at(run), "claim_run.before")
        if run is not None:
            _pass(run.id, _crash_at(run), "claim_run.after")
        return run

    return wrapper


def _around_atomic_step(function: Callable[..., Any]) -> Callable[..., Any]:
    def wrapper(session: Any, *args: Any) -> Any:
        _pass(session.run.id, _crash_at(session.run), "atomic_step.before")
        result = function(session, *args)
        _pass(session.run.id, _crash_at(session.run), "atomic_step.after")
        return result

    return wrapper


def _crash_at(run: ClaimedRun) -> str | None:
    crash_at: str | None = json.loads(run.input).get("crash_at")
    return crash_at


def _pass(run_id: object, crash_at: str | None, point: str) -> None:
    """Count this call; die here if the run says so and has not been hit yet."""
    if crash_at is None:
        return
    with (_folder / "calls" / f"{run_id}.{point}").open("ab") as counter:
        counter.write(b".")
        counter.flush()
        call = counter.tell()
    if crash_at != f"{point.replace('.', ':')}:{call}":
        return
    try:
        with (_folder / "killed" / str(run_id)).open("x") as mark:
            mark.write(crash_at)
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)
