"""Runs found by what is true of them: a page of them, how many there are, and whether one still is one."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import BooleanField, Max, Q, TextField
from django.db.models import Count as Aggregate
from django.db.models.expressions import RawSQL
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from workflows.core.history import HistoryKind
from workflows.core.line_fields import sql_object
from workflows.core.run import RunView
from workflows.core.sealed import SEALED_TEXT
from workflows.core.states import RunState
from workflows.models import Run
from workflows.models.run import RunQuerySet
from workflows.store.statement import one_of
from workflows.store.views import view_of, viewed

Wanted = Mapping[str, Any]
"""A RunFilter as engine/requests/run_filters.py leaves it."""


class Place(NamedTuple):
    """Where a run stands in the order of their creation."""

    created_at: datetime
    id: UUID


# Keys stand in their index by workflow: from one to the next, past all keys between them.
_WORKFLOWS_WITH_KEYS = """
    (WITH RECURSIVE named (workflow) AS (
        (SELECT workflow FROM workflows_run WHERE key IS NOT NULL ORDER BY workflow LIMIT 1)
        UNION ALL
        SELECT (SELECT run.workflow FROM workflows_run AS run
                WHERE run.key IS NOT NULL AND run.workflow > named.workflow
                ORDER BY run.workflow LIMIT 1)
        FROM named WHERE named.workflow IS NOT NULL)
     SELECT workflow FROM named WHERE workflow IS NOT NULL)
"""
_TRIED = one_of([HistoryKind.ATTEMPT_FAILED, HistoryKind.STEP_STARTED])
# A running step is told by its host within a second; what is recorded of it, by its run's history.
_AT_STEP = f"""
    (workflows_run.state <> '{RunState.COMPLETED}' AND (
        workflows_run.state = '{RunState.RUNNING}'
            AND (workflows_run.running_steps ->> 'attempt')::integer = workflows_run.attempt
            AND workflows_run.running_steps -> 'steps' @> jsonb_build_array({sql_object("step", {"name"}, {"name": "%s"})})
        OR EXISTS (
            SELECT FROM workflows_history AS line
            WHERE line.run_id = workflows_run.id AND line.name = %s AND (
                line.kind IN {_TRIED} AND NOT EXISTS (
                    SELECT FROM workflows_history AS outcome
                    WHERE outcome.run_id = line.run_id AND outcome.position = line.position
                      AND outcome.part = 0)
                OR line.kind = '{HistoryKind.STEP_FAILED}' AND NOT EXISTS (
                    SELECT FROM workflows_history AS later
                    WHERE later.run_id = line.run_id AND later.position > line.position)))))
"""


def _true(sql: str, *params: Any) -> Q:
    return Q(RawSQL(sql, params, output_field=BooleanField()))  # noqa: S611 - parameters apart


def _by_error(text: str) -> Q:
    kind = {"error_type__icontains": text}
    # Whatever an encrypted message says, it does not say it here.
    readable = Q(error_message__icontains=text) & ~Q(error_message__startswith=SEALED_TEXT)
    return Q(error__isnull=False) & (Q(**kind) | readable)


# What a partial index leaves out is named as well, so that the planner knows that it may take it.
_CONDITIONS: Mapping[str, Callable[[Any], Q]] = {
    "workflow": lambda name: Q(workflow=name),
    "version": lambda version: Q(version=version),
    "state": lambda states: Q(state__in=states),
    "id": lambda ids: Q(pk__in=ids),
    "key": lambda key: Q(key=key) & _true(f"workflows_run.workflow IN {_WORKFLOWS_WITH_KEYS}"),
    "owner": lambda owner: Q(owner=owner) & (Q() if owner == "" else ~Q(owner="")),
    "tenant": lambda tenant: Q(tenant=tenant) & (Q() if tenant == "" else ~Q(tenant="")),
    "tags": lambda tags: Q(tags__contains=tags) & ~Q(tags=[]) if tags else Q(),
    "subject": lambda told: Q(subject=told) & ~Q(subject=""),
    "attributes": lambda each: Q(attributes__contains=each) & ~Q(attributes={}) if each else Q(),
    "parent": lambda parent: Q(parent_id=parent),
    "error": _by_error,
    "error_kind": lambda kind: Q(error__kind=kind, error__isnull=False),
    "step": lambda name: _true(_AT_STEP, name, name),
    "created_since": lambda moment: Q(created_at__gte=moment),
    "created_before": lambda moment: Q(created_at__lt=moment),
    "ended_since": lambda moment: Q(finished_at__gte=moment),
    "ended_before": lambda moment: Q(finished_at__lt=moment),
}


def matching(wanted: Wanted) -> RunQuerySet:
    """Return the runs of which all this is true."""
    runs: RunQuerySet = Run.objects.all()
    if "error" in wanted:
        runs = runs.alias(
            error_type=Cast(KeyTextTransform("type", "error"), TextField()),
            error_message=Cast(KeyTextTransform("message", "error"), TextField()),
        )
    for name, value in wanted.items():
        runs = runs.filter(_CONDITIONS[name](value))
    return runs


def list_runs(
    wanted: Wanted, *, after: Place | None = None, limit: int = 100, decrypt: bool = True
) -> list[RunView]:
    """Return the newest of these runs; the newest older than a place. decrypt: as in get_run."""
    runs = matching(wanted)
    if after is not None:
        older = Q(created_at__lt=after.created_at) | Q(pk__lt=after.id)
        runs = runs.filter(created_at__lte=after.created_at).filter(older)
    rows = viewed(runs).order_by("-created_at", "-id")[:limit]
    return [view_of(row, decrypt=decrypt) for row in rows]


def place_of(run_id: UUID) -> Place | None:
    """Return where a run stands; None: it is gone."""
    found = Run.objects.filter(pk=run_id).values_list("created_at", "id").first()
    return None if found is None else Place(*found)


class Count(NamedTuple):
    """Exactly how many runs there are."""

    runs: int
    newest: datetime | None
    """When the newest of them was created; None: there is none."""


def _steered(wanted: Wanted) -> RunQuerySet:
    """Return these runs without those that went on by continue_as_new: a verb would reach the newest of
    the chain, of which this may not be true."""
    return matching(wanted).filter(continued_as__isnull=True)


def count_runs(wanted: Wanted) -> Count:
    """Return how many there are to be steered."""
    told = _steered(wanted).aggregate(runs=Aggregate("pk"), newest=Max("created_at"))
    return Count(**told)


def list_places(wanted: Wanted, *, until: datetime, after: Place | None, limit: int) -> list[Place]:
    """Return the next of these runs, the oldest first, of those created up to a moment."""
    runs = _steered(wanted).filter(created_at__lte=until)
    if after is not None:
        newer = Q(created_at__gt=after.created_at) | Q(pk__gt=after.id)
        runs = runs.filter(created_at__gte=after.created_at).filter(newer)
    rows = runs.order_by("created_at", "id").values_list("created_at", "id")[:limit]
    return [Place(*row) for row in rows]


def is_among(run_id: UUID, wanted: Wanted) -> bool:
    """Say whether all this is true of a run now."""
    return _steered(wanted).filter(pk=run_id).exists()
