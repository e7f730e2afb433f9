"""Runs as the outside reads them."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import fields
from typing import Any
from uuid import UUID

from django.db.models import BooleanField
from django.db.models.expressions import RawSQL

from workflows.core.codec import loads
from workflows.core.errors import RunNotFound
from workflows.core.history import HistoryEntry
from workflows.core.run import NewRun, RunId, RunView, run_id_of
from workflows.core.states import FINAL_STATES, RunState
from workflows.models import Run
from workflows.store.history import load_history
from workflows.store.missing_code import NOBODY_HAS_ITS_CODE


def get_run(run_id: RunId) -> RunView:
    """Return a run. Raises RunNotFound."""
    run_id = run_id_of(run_id)
    try:
        return _view(_rows().get(pk=run_id))
    except Run.DoesNotExist:
        raise RunNotFound(f"no run {run_id}") from None


def get_runs(run_ids: Collection[UUID]) -> dict[UUID, RunView]:
    """Return these runs, as far as they are there, by their ids."""
    return {row["id"]: _view(row) for row in _rows().filter(pk__in=run_ids)}


def get_history(run_id: RunId) -> list[HistoryEntry]:
    """Return everything a run has done, oldest first. Raises RunNotFound."""
    run_id = run_id_of(run_id)
    entries = load_history(run_id)
    if not entries:
        get_run(run_id)
    return entries


def list_runs(
    *,
    workflow: str | None = None,
    states: Collection[str] | None = None,
    attributes: dict[str, Any] | None = None,
    parent: UUID | None = None,
    tenant: str | None = None,
    error_kind: str | None = None,
    limit: int = 100,
) -> list[RunView]:
    """Return the newest runs: of one workflow, some states, a parent or a tenant, with these attributes,
    with an error of this kind."""
    wanted: dict[str, Any] = {}
    if workflow is not None:
        wanted["workflow"] = workflow
    if states is not None:
        wanted["state__in"] = states
    if attributes:
        wanted["attributes__contains"] = attributes
    if parent is not None:
        wanted["parent_id"] = parent
    if tenant is not None:
        wanted["tenant"] = tenant
    if error_kind is not None:
        wanted |= {"error__kind": error_kind, "error__isnull": False}
    return [_view(row) for row in _rows().filter(**wanted).order_by("-created_at")[:limit]]


def _rows() -> Any:
    return Run.objects.counting_crashes().annotate(code_missing=_CODE_MISSING).values(*_FRESH)


def view_of_new(new: NewRun, **known: Any) -> RunView:
    """Return the view of a run that was created just now. known: what the database added."""
    input, defaults = map(loads, new.input)
    told = {**vars(new), **known, "input": input, "defaults": defaults}
    return _view(_FRESH | {name: empty() for name, empty in _EMPTY.items()} | told)


def _view(row: Mapping[str, Any]) -> RunView:
    """Return a run by its columns."""
    return RunView(
        **{name: row[name] for name in _AS_STORED},
        state=RunState(row["state"]),
        input=row["defaults"] | row["input"],
        waiting_for=tuple(row["waiting_for"]),
        crashes=row["crashes_in_a_row"],
    )


_CODE_MISSING = RawSQL(NOBODY_HAS_ITS_CODE, (), output_field=BooleanField())  # noqa: S611 - ours alone
_OTHERWISE = {"state", "input", "waiting_for", "crashes"}
_AS_STORED = [field.name for field in fields(RunView) if field.name not in _OTHERWISE]
_COLUMNS = {*_AS_STORED, "state", "input", "waiting_for"}
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
