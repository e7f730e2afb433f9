"""What belongs to a run: its parent and children, the runs of its chain, and events nobody has read."""

from dataclasses import dataclass
from typing import Any

from workflows import api
from workflows.api import RunView
from workflows.console.reading import read_run
from workflows.console.story import shown
from workflows.core.lines import CHILD_EVENT
from workflows.core.sealed import is_sealed
from workflows.models import Event, Run

MOST = 50


@dataclass(frozen=True)
class Relative:
    """A run that belongs to another, as far as it is still there."""

    how: str
    id: Any
    run: RunView | None


def family_of(view: RunView) -> list[Relative]:
    """Return the runs that belong to one: parent, origin of a fork, chain, children; 50 of each at most."""
    found = []
    if view.parent_id:
        found.append(_named("parent", view.parent_id))
    if view.forked_from:
        found.append(_named("forked from", view.forked_from))
    found += [_named("chain", run_id) for run_id in _chain(view)]
    children = api.list_runs(parent=view.id, limit=MOST, decrypt=False)
    return found + [Relative("child", child.id, child) for child in children]


def unread_events(view: RunView) -> list[dict[str, Any]]:
    """Return the events that were sent and that no wait has consumed, the oldest first."""
    events = (
        Event.objects.filter(run_id=view.id, position__isnull=True)
        .exclude(name__startswith=CHILD_EVENT)
        .order_by("id")[:MOST]
    )
    return [
        {
            "name": each.name,
            "by": each.by,
            "at": each.sent_at,
            "payload": "encrypted" if is_sealed(each.payload) else shown(each.payload),
        }
        for each in events
    ]


def _chain(view: RunView) -> list[Any]:
    """Return the other runs of its chain, the oldest first. The first of a chain does not name it."""
    chain = Run.objects.filter(pk=view.id).values_list("chain_id", flat=True).first()
    if chain is None and view.continued_as is None:
        return []
    others = Run.objects.filter(chain_id=chain or view.id).exclude(pk=view.id)
    ids = list(others.order_by("created_at").values_list("pk", flat=True)[:MOST])
    return ids if chain is None or chain == view.id else [chain, *ids]


def _named(how: str, run_id: Any) -> Relative:
    try:
        return Relative(how, run_id, read_run(run_id))
    except api.RunNotFound:
        return Relative(how, run_id, None)
