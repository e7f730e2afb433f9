"""Runs as the outside reads them."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import fields
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import BooleanField
from django.db.models.expressions import RawSQL

from workflows.core.codec import loads
from workflows.core.errors import RunNotFound
from workflows.core.history import HistoryEntry
from workflows.core.run import NewRun, RunId, RunView, run_id_of
from workflows.core.sealed import Encrypted, is_sealed
from workflows.core.states import FINAL_STATES, RunState
from workflows.models import Run
from workflows.store.chains import newest_of
from workflows.store.history import show_history
from workflows.store.missing_code import NOBODY_HAS_ITS_CODE
from workflows.store.sealing import Opener, opened_row


class StoredRun(NamedTuple):
    """A run as its row has it: what is encrypted stays so."""

    view: RunView
    chain_root: UUID
    """The first run of its chain, or itself."""
    given: Any
    """Its input, without the defaults."""


def get_run(run_id: RunId, *, newest: bool = False, decrypt: bool = True) -> RunView:
    """Return a run; with newest=True, the one that it has come to by continue_as_new, however long the
    chain is. Raises RunNotFound.

    Encrypted values whose key this process does not have, or all of them with decrypt=False, are shown
    as {"encrypted": the id of the key}; texts of errors as such a text.
    """
    run_id = newest_of(run_id_of(run_id)) if newest else run_id_of(run_id)
    try:
        return view_of(viewed(Run.objects).get(pk=run_id), decrypt=decrypt)
    except Run.DoesNotExist:
        raise RunNotFound(f"no run {run_id}") from None


def get_stored_runs(run_ids: Collection[UUID]) -> dict[UUID, StoredRun]:
    """Return these runs, as far as they are there, by their ids: what is encrypted stays so."""
    rows = viewed(Run.objects).filter(pk__in=run_ids)
    return {row["id"]: StoredRun(_view_of(row), _chain_root(row), row["input"]) for row in rows}


def get_history(run_id: RunId, *, decrypt: bool = True) -> list[HistoryEntry]:
    """Return everything a run has done, oldest first. Raises RunNotFound. Encrypted values: as in
    get_run."""
    run_id = run_id_of(run_id)
    root = Run.objects.values("id", "chain_id")
    entries = show_history(
        run_id, lambda: Opener(_chain_root(root.get(pk=run_id)), decrypt=decrypt)
    )
    if not entries:
        get_run(run_id)
    return entries


def viewed(runs: Any) -> Any:
    """Return what `view_of` reads of these runs."""
    return runs.counting_crashes().annotate(code_missing=_CODE_MISSING).values(*_FRESH, "chain_id")


def view_of_new(new: NewRun, **known: Any) -> RunView:
    """Return the view of a run that was created just now. known: what the database added."""
    texts = (*new.input, new.attributes, new.baggage)
    names = ("input", "defaults", "attributes", "baggage")
    told = {**vars(new), **known, **dict(zip(names, map(loads, texts), strict=True))}
    return _view_of(_FRESH | {name: empty() for name, empty in _EMPTY.items()} | told)


def view_of(row: Mapping[str, Any], *, decrypt: bool = True) -> RunView:
    """Return a run by its columns."""
    return _view_of(opened_row(row, Opener(_chain_root(row), decrypt=decrypt)))


def _chain_root(row: Mapping[str, Any]) -> UUID:
    found: UUID = row["chain_id"] or row["id"]
    return found


def _view_of(row: Mapping[str, Any]) -> RunView:
    return RunView(
        **{name: row[name] for name in _AS_STORED},
        state=RunState(row["state"]),
        input=_whole_input(row["input"], row["defaults"]),
        waiting_for=tuple(row["waiting_for"]),
        wake_at=row["step_due_at"] or row["wake_at"],
        tags=tuple(row["tags"]),
        crashes=row["crashes_in_a_row"],
    )


def _whole_input(given: Any, defaults: Any) -> Any:
    for each in (given, defaults):
        if isinstance(each, Encrypted) or is_sealed(each):
            return each
    return defaults | given


_CODE_MISSING = RawSQL(NOBODY_HAS_ITS_CODE, (), output_field=BooleanField())  # noqa: S611 - ours alone
_OTHERWISE = {"state", "input", "waiting_for", "tags", "crashes", "wake_at"}
_AS_STORED = [field.name for field in fields(RunView) if field.name not in _OTHERWISE]
_COLUMNS = {*_AS_STORED, "state", "input", "waiting_for", "tags", "wake_at", "step_due_at"}
_FRESH: dict[str, Any] = {
    each.attname: each.get_default()
    for each in Run._meta.concrete_fields
    if each.attname in _COLUMNS
} | {"crashes_in_a_row": 0, "code_missing": False}
"""The columns of a view, and what a run begins with where a NewRun says nothing."""
_EMPTY = {name: type(value) for name, value in _FRESH.items() if isinstance(value, dict | list)}
"""Those that two views must not share."""


def iterate_open_runs() -> Iterator[UUID]:
    """Yield the ids of all runs that have not ended, oldest first, a thousand at a time."""
    open_runs = Run.objects.exclude(state__in=[state.value for state in FINAL_STATES])
    yield from open_runs.order_by("created_at").values_list("id", flat=True).iterator(1000)
