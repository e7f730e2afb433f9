"""Histories as fixtures, and workflows that must say the same twice."""

import json
import random
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from types import FunctionType
from typing import Any
from unittest import mock
from uuid import UUID

from django.utils import timezone

from workflows.core.codec import dumps
from workflows.core.errors import InvalidInput
from workflows.core.lines import forget_traceback
from workflows.core.run import RunId
from workflows.core.states import RunState
from workflows.definitions.workflow import Workflow, workflow_definition
from workflows.engine.history_export import export_history, import_history
from workflows.engine.replay_check import recorded_run, replay
from workflows.engine.requests.start import start
from workflows.store.views import get_run
from workflows.testing.driving import drive_until_idle
from workflows.testing.hash_seed import difference_under_another_seed


def save_history(run: RunId, file: str | Path) -> None:
    """Write a run's history to a file, to be replayed against later code. Tracebacks are left out:
    no replay reads them, and they name the folders of this machine."""
    exported = export_history(run)
    for line in exported["history"]:
        forget_traceback(line["name"], line["data"])
    Path(file).write_text(json.dumps(exported, indent=1, ensure_ascii=False) + "\n")


def replay_history(history: str | Path | dict[str, Any]) -> None:
    """Replay a saved history (a file, or what export_history returned) against the code at hand.
    Raises AssertionError where they differ, InvalidInput for a file that holds none."""
    if isinstance(history, dict):
        exported, where = history, ""
    else:
        exported, where = _read(Path(history)), f"{history}: "
    difference = replay(import_history(exported))
    if difference is not None:
        raise AssertionError(f"{where}{difference}")


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text())
    except (OSError, ValueError, RecursionError) as exc:
        raise InvalidInput(f"{file}: {exc}") from None


class AssertDeterministic:
    """Run a workflow as far as it goes by itself, then replay it with another clock, other random
    numbers and other ids, and in a process of its own with another hash seed. Raises AssertionError
    naming the position where it asks for something else, or what it returned then and now: it
    looks at the world past `run`, or goes on with what a step has changed.
    """

    def __init__(self, *, another_hash_seed: bool = True) -> None:
        self._another_hash_seed = another_hash_seed

    def using(self, *, another_hash_seed: bool) -> "AssertDeterministic":
        """Return it with this option. another_hash_seed: False leaves out the other process."""
        return AssertDeterministic(another_hash_seed=another_hash_seed)

    def __call__(self, workflow: Workflow[..., Any] | str, /, **input: Any) -> None:
        """See the class."""
        run = start(workflow, **input)
        drive_until_idle()
        now = get_run(run.id)
        if now.state == RunState.BLOCKED:
            raise AssertionError(f"not deterministic: {(now.error or {}).get('message')}")
        recorded = recorded_run(run.id)
        if now.state == RunState.COMPLETED:
            recorded = replace(recorded, returned=dumps(now.output))
        function = workflow_definition(workflow).function
        for seed in (1, 2, 3):
            with _another_world(function.__globals__, seed):
                difference = replay(recorded)
            if difference is not None:
                raise AssertionError(f"not deterministic: {difference.why}")
        if self._another_hash_seed:
            _compare_elsewhere(function, run.id, recorded.returned)


assert_deterministic = AssertDeterministic()


def _compare_elsewhere(function: FunctionType, run_id: UUID, returned: str | None) -> None:
    why = difference_under_another_seed(function, export_history(run_id), returned)
    if why is not None:
        raise AssertionError(
            f"not deterministic: in another process, with another hash seed, {why}; it may go "
            "through a set: go through sorted(…)"
        )


@contextmanager
def _another_world(names: dict[str, Any], seed: int) -> Iterator[None]:
    """Change what the clock, chance and ids say, also under the names they were imported by."""
    chance, pause = random.Random(seed), timedelta(days=seed * 1111, hours=seed * 7)  # noqa: S311
    state = random.getstate()
    real_time, real_now, later = time.time, timezone.now, _later(pause)
    with ExitStack() as stack:
        for module, name, other in (
            (time, "time", lambda: real_time() + pause.total_seconds()),
            (timezone, "now", lambda: real_now() + pause),
            (uuid, "uuid4", lambda: uuid.UUID(int=chance.getrandbits(128), version=4)),
        ):
            real = getattr(module, name)
            stack.enter_context(mock.patch.object(module, name, other))
            also = {each: other for each, value in names.items() if value is real}
            stack.enter_context(mock.patch.dict(names, also))
        clocks = {each: later for each, value in names.items() if value is datetime}
        stack.enter_context(mock.patch.dict(names, clocks))
        random.seed(seed)
        try:
            yield
        finally:
            random.setstate(state)


def _later(pause: timedelta) -> type[datetime]:
    class Later(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Later":
            return super().now(tz) + pause

    return Later
