"""Replay without doing: does the code at hand still tell the story of a run's history?"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from traceback import extract_tb
from typing import Any
from uuid import UUID

from workflows.core.codec import dumps, loads
from workflows.core.errors import DefinitionError, RunNotFound
from workflows.core.failure import describe
from workflows.core.history import HistoryEntry, HistoryKind
from workflows.core.history_index import History
from workflows.core.programming_errors import waits_for_mending
from workflows.core.run import ClaimedRun, RunId, run_id_of
from workflows.core.sealed import PayloadUnreadable
from workflows.core.states import RunState
from workflows.definitions.workflow import find_workflow
from workflows.engine.drive.newer_code import unreadable
from workflows.engine.drive.workflow_code import Retraced, retrace
from workflows.engine.session.session import Session
from workflows.store.history import load_history, opened_entry
from workflows.store.sealing import Opener
from workflows.store.views import StoredRun, get_stored_runs, iterate_open_runs

ANY_SIZE = 2**63
_ENDS = frozenset(
    {
        *(HistoryKind.RUN_FAILED, HistoryKind.RUN_CANCELLED, HistoryKind.RUN_COMPENSATED),
        *(HistoryKind.CANCEL_REQUESTED, HistoryKind.COMPENSATION_STARTED),
    }
)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A run that the code at hand cannot go on with."""

    run_id: UUID
    workflow: str
    version: int
    why: str

    def __str__(self) -> str:
        return f"{self.workflow} version {self.version}, run {self.run_id}: {self.why}"


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A run's input and history, from the database or from a file."""

    run_id: UUID
    workflow: str
    version: int
    input: dict[str, Any]
    """What the caller gave."""
    defaults: dict[str, Any]
    """What was left to the function's defaults, as they were."""
    created_at: datetime
    entries: list[HistoryEntry]
    baggage: dict[str, Any] = field(default_factory=dict)
    chain_root: UUID | None = None
    """The first run of its chain, to which encrypted values are bound; None: itself."""
    returned: str | None = None
    """What the code is to return again, as JSON text; None: that is not compared."""


def replay(
    recorded: Recorded,
    *,
    make_session: Callable[..., Session] = Session,
    retrace: Callable[[Session], Retraced] = retrace,
) -> Difference | None:
    """Replay one history against the code at hand; nothing new happens, nothing is written.

    make_session, retrace: what takes the place of these, for who watches the replay.
    """
    why = _why_not(recorded, make_session, retrace)
    if why is None:
        return None
    return Difference(
        run_id=recorded.run_id, workflow=recorded.workflow, version=recorded.version, why=why
    )


def replay_open_runs() -> list[Difference]:
    """Replay every run that has not ended; return those that would be blocked."""
    found = [replay(recorded_run(run_id)) for run_id in iterate_open_runs()]
    return [each for each in found if each is not None]


def recorded_run(run_id: RunId) -> Recorded:
    """Read a run's input and history, as they are stored. Raises RunNotFound."""
    found = run_id_of(run_id)
    stored = get_stored_runs([found]).get(found)
    if stored is None:
        raise RunNotFound(f"no run {found}")
    return as_recorded(stored, load_history(found))


def as_recorded(stored: StoredRun, entries: list[HistoryEntry]) -> Recorded:
    """Return what a replay reads of a run that has this history."""
    run = stored.view
    return Recorded(
        run_id=run.id,
        workflow=run.workflow,
        version=run.version,
        input=stored.given,
        defaults=run.defaults,
        created_at=run.created_at,
        entries=entries,
        baggage=run.baggage,
        chain_root=stored.chain_root,
    )


def decrypted(recorded: Recorded) -> Recorded:
    """Return it with what is encrypted opened. Raises PayloadUnreadable."""
    opener = Opener(recorded.chain_root or recorded.run_id)
    found = replace(
        recorded,
        input=opener.value(recorded.input, "input"),
        defaults=opener.value(recorded.defaults, "defaults"),
        baggage=opener.value(recorded.baggage, "baggage"),
        entries=[opened_entry(entry, opener) for entry in recorded.entries],
    )
    opener.strict()
    return found


def _why_not(
    recorded: Recorded,
    make_session: Callable[..., Session],
    retrace: Callable[[Session], Retraced],
) -> str | None:
    definition = find_workflow(recorded.workflow, recorded.version)
    if definition is None:
        return "there is no code for it"
    try:
        recorded = decrypted(recorded)
    except PayloadUnreadable as exc:
        return str(exc)
    session = make_session(_as_claimed(recorded), definition, lambda: False, only_replay=True)
    session.history = History(recorded.entries)
    ahead = unreadable(session)
    if ahead is not None:
        return str(ahead)
    mismatch, raised = retrace(session)
    mistaken = raised is not None and waits_for_mending(raised, definition.fails_on)
    if raised is not None and mistaken and (mismatch is not None or not _is_past_mending(recorded)):
        return _told(raised)
    return _another_result(session, recorded) if mismatch is None else str(mismatch)


def _another_result(session: Session, recorded: Recorded) -> str | None:
    if recorded.returned is None or not session.returned:
        return None
    again = session.definition.signature.result.encode(session.returned[0], max_bytes=ANY_SIZE)
    if dumps(loads(again)) == dumps(loads(recorded.returned)):
        return None
    return f"it returned {recorded.returned:.200}, and {again:.200} at a replay"


def _is_past_mending(recorded: Recorded) -> bool:
    """Whether the run only undoes its steps or has ended: what its code raised then may be what it
    ended with, and blocks nothing."""
    past = False
    for entry in recorded.entries:
        past = (past or entry.kind in _ENDS) and entry.kind != HistoryKind.RETRIED
    return past


def _told(raised: BaseException) -> str:
    if isinstance(raised, DefinitionError):
        return str(raised)
    frames = extract_tb(raised.__traceback__)
    place = f" ({frames[-1].filename}:{frames[-1].lineno})" if frames else ""
    failure = describe(raised)
    return f"the workflow's code raises {failure['type']}: {failure['message']}{place}"


def _as_claimed(recorded: Recorded) -> ClaimedRun:
    return ClaimedRun(
        id=recorded.run_id,
        workflow=recorded.workflow,
        version=recorded.version,
        state=RunState.RUNNING,
        attempt=0,
        input=dumps(recorded.input),
        defaults=dumps(recorded.defaults),
        baggage=dumps(recorded.baggage),
        events=0,
        created_at=recorded.created_at,
        now=recorded.created_at,
    )
