"""Fork: a run is made of the beginning of another, and goes on in its own way from there."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction

from workflows.core.codec import dumps, loads
from workflows.core.errors import (
    InvalidInput,
    RunNotFound,
    SubjectTaken,
    UnknownWorkflow,
    ValueNotStorable,
)
from workflows.core.fork import Prefix, forked_prefix
from workflows.core.history import HistoryEntry
from workflows.core.run import RunId, RunView, run_id_of
from workflows.core.signature import Input
from workflows.core.states import FINAL_STATES, RunState
from workflows.core.time_checks import time_ahead
from workflows.definitions.workflow import find_workflow
from workflows.definitions.workflow_guard import refuse
from workflows.engine import announcements
from workflows.engine.requests.asked import asked
from workflows.engine.requests.new_run import encode_input, new_id
from workflows.engine.requests.start_options import sensible
from workflows.engine.requests.steering import as_the_only_one
from workflows.store import fork as store
from workflows.store.fork import Origin
from workflows.store.views import get_run


def fork(
    run: RunId,
    *,
    at: int,
    input: Mapping[str, Any] | None = None,
    deadline_seconds: float | None = None,
    by: str = "",
    reason: str = "",
    via: str = "",
) -> RunView:
    """Start a run with what another has recorded before position `at`, and return it.

    Nothing before `at` is done again; `at` is the first operation that is, under idempotency keys of
    the fork's own. input: parameters that take the place of the other run's; the rest stay as they
    are. deadline_seconds, from now; left out, the fork has as long as the other run had.

    The other run may be in any state, and nothing changes for it: it keeps its key, its subject, its
    parent, its children and its events; a subject of which there is one open run goes to the fork as well.
    Of a chain, the run is meant that is named. One transaction, which joins the caller's. Raises RunNotFound;
    SubjectTaken where such a subject has an open run, this one or another; ForkRefused inside a group,
    where an operation before `at` has not ended, where a child goes on, and where a step before it has
    been undone; InvalidInput; UnknownWorkflow where input is given and its code is not here; PayloadUnreadable.
    """
    refuse("calls fork()", "do it outside, or write run.start_child(workflow, …)")
    origin, why = run_id_of(run), asked(by=by, reason=reason, via=via)
    _check_position(at)
    if deadline_seconds is not None:
        deadline_seconds = sensible(time_ahead, "deadline_seconds", deadline_seconds)
    new = new_id()

    def copy() -> Origin:
        found = _locked(origin)
        store.create_fork(
            new,
            origin,
            _prefix(found, store.load_lines(origin, found), at),
            why,
            before=at,
            input=_corrected(found, input) if input else found.input,
            baggage=found.baggage,
            inputs=sorted(input or ()),
            deadline_seconds=deadline_seconds,
        )
        return found

    with transaction.atomic():
        found = as_the_only_one(origin, copy)
        forked = get_run(new)
    announcements.run_started(new, found.workflow, found.version, forked_from=origin)
    return forked


def _check_position(at: object) -> None:
    if isinstance(at, bool) or not isinstance(at, int) or at < 1:
        raise InvalidInput(f"at is {at!r:.80}; give a position, from 1")


def _prefix(origin: Origin, lines: Sequence[HistoryEntry], at: int) -> Prefix:
    return forked_prefix(lines, at, is_undoing=origin.state == RunState.COMPENSATING)


def _locked(run_id: UUID) -> Origin:
    """Lock the run that is forked. Raises RunNotFound, and SubjectTaken where it holds its subject."""
    found = store.lock_origin(run_id)
    if found is None:
        raise RunNotFound(f"no run {run_id}")
    if found.subject is not None and found.state not in FINAL_STATES:
        raise SubjectTaken(found.workflow, found.subject, str(run_id))
    return found


def _corrected(origin: Origin, given: Mapping[str, Any]) -> Input:
    """Return the other run's input with what is given in its place. Raises InvalidInput."""
    definition = find_workflow(origin.workflow, origin.version)
    if definition is None:
        missing = f"no code here for {origin.workflow!r} version {origin.version}"
        raise UnknownWorkflow(f"{missing}, by which its input could be checked")
    whose = f"input of {origin.workflow!r}"
    try:
        known = definition.signature.decode_input(origin.input)
        new = {**known, **given}
    except (TypeError, ValueNotStorable) as exc:
        raise InvalidInput(f"{whose}: {exc}") from None
    encoded = loads(encode_input(definition.signature, new, whose=whose).given)
    stored, defaults = loads(origin.input.given), loads(origin.input.defaults)
    return Input(
        dumps(stored | {name: encoded[name] for name in given}),
        dumps({name: defaults[name] for name in defaults if name not in given}),
    )
