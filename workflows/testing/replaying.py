"""Histories as fixtures, and workflows that must say the same twice."""

import json
import random
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock
from uuid import UUID

from workflows.core.run import RunView
from workflows.engine.export import export_history, import_history
from workflows.engine.replay import recorded_run, replay
from workflows.engine.start import start
from workflows.testing.driving import drive_until_idle


def save_history(run: UUID | RunView, file: str | Path) -> None:
    """Write a run's history to a file, to be replayed against later code."""
    run_id = run.id if isinstance(run, RunView) else run
    Path(file).write_text(json.dumps(export_history(run_id), indent=1) + "\n")


def replay_history(file: str | Path) -> None:
    """Replay a saved history against the code at hand. Raises AssertionError where they differ."""
    difference = replay(import_history(json.loads(Path(file).read_text())))
    if difference is not None:
        raise AssertionError(f"{file}: {difference}")


def assert_deterministic(workflow: Callable[..., Any], /, **input: Any) -> None:
    """Run a workflow as far as it goes by itself, then replay it with another clock, other random
    numbers and other ids. Raises AssertionError naming the position where it asks for something
    else, which shows that it looks at the world past `run`.
    """
    run = start(workflow, **input)
    drive_until_idle()
    recorded = recorded_run(run.id)
    for seed in (1, 2):
        with _another_world(seed):
            difference = replay(recorded)
        if difference is not None:
            raise AssertionError(f"not deterministic: {difference.why}")


@contextmanager
def _another_world(seed: int) -> Iterator[None]:
    chance, later = random.Random(seed), time.time() + seed * 100_000_000  # noqa: S311 - no secret
    with (
        mock.patch("time.time", lambda: later),
        mock.patch("uuid.uuid4", lambda: uuid.UUID(int=chance.getrandbits(128), version=4)),
        mock.patch("random.random", chance.random),
    ):
        yield
