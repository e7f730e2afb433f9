"""The run to be debugged: in the database, in an exported file, or in an archive."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

from workflows.core.codec import dumps
from workflows.core.errors import InvalidInput, RunNotFound
from workflows.core.run import RunView, run_id_of
from workflows.core.states import RunState
from workflows.engine.archive import is_archive, read_archive
from workflows.engine.history_export import import_history
from workflows.engine.replay_check import Recorded, decrypted, recorded_run
from workflows.store.sealing import opened_outcome
from workflows.store.views import get_run

SHOWN = ("state", "status", "error", "compensation_error", "wake_at", "waiting_for", "output")
"""Columns of a run that say how it stands."""


@dataclass(frozen=True, kw_only=True)
class FoundRun:
    """A run's input and history, and what else is known of it."""

    recorded: Recorded
    row: Mapping[str, Any]
    """How the run stands, as far as that is known: an exported history does not say it."""


def find_run(named: str, *, archive: str | None = None) -> FoundRun:
    """Return a run by its id, or by the file that it was exported to. archive: the file that has the run.

    What is encrypted is opened. Raises RunNotFound, InvalidInput, PayloadUnreadable.
    """
    found = _find(named, archive)
    return replace(found, recorded=decrypted(found.recorded))


def _find(named: str, archive: str | None) -> FoundRun:
    if archive is not None:
        return _in_archive(run_id_of(named), Path(archive))
    if Path(named).is_file():
        return _exported(Path(named))
    run = get_run(named)
    return FoundRun(recorded=_with_result(run), row={name: getattr(run, name) for name in SHOWN})


def _with_result(run: RunView) -> Recorded:
    recorded = recorded_run(run.id)
    if run.state != RunState.COMPLETED or run.continued_as is not None:
        return recorded
    return replace(recorded, returned=dumps(run.output))


def _exported(file: Path) -> FoundRun:
    if is_archive(file):
        raise InvalidInput(f"{file} is an archive: give the run's id, and --archive {file}")
    try:
        exported = json.loads(file.read_text())
    except (OSError, ValueError, RecursionError) as exc:
        raise InvalidInput(f"{file}: {exc}") from None
    return _imported(exported)


def _in_archive(run_id: UUID, file: Path) -> FoundRun:
    try:
        found = _of(run_id, read_archive(file))
    except (OSError, EOFError) as exc:
        raise InvalidInput(f"{file}: {exc}") from None
    if found is None:
        raise RunNotFound(f"no run {run_id} in {file}")
    return _imported(found)


def _of(run_id: UUID, exported: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    return next((each for each in exported if each.get("run") == str(run_id)), None)


def _imported(exported: Any) -> FoundRun:
    recorded = import_history(exported)
    owner = recorded.chain_root or recorded.run_id
    outcome = opened_outcome(exported.get("outcome") or {}, owner)
    return FoundRun(
        recorded=recorded, row={name: outcome[name] for name in SHOWN if name in outcome}
    )
