"""Start many runs of a workflow, some hundreds by each statement."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from django.db import transaction

from workflows.core.codec import shown
from workflows.core.errors import InvalidInput
from workflows.definitions.workflow import workflow_definition
from workflows.definitions.workflow_guard import refuse
from workflows.engine import announcements
from workflows.engine.requests.start import begin, refuse_other_input
from workflows.engine.requests.start_options import Requested, StartOptions, asked_run
from workflows.store import many_runs as store

BATCH = 500


def start_many(
    workflow: Callable[..., Any] | str,
    inputs: Iterable[Mapping[str, Any]],
    /,
    *,
    key: Callable[[Mapping[str, Any]], str] | None = None,
    deadline_seconds: float | None = None,
    priority: int = 0,
    at: datetime | None = None,
    subject: object = None,
    owner: str = "",
    attributes: Mapping[str, Any] | None = None,
    tags: Collection[str] = (),
    tenant: str = "",
    baggage: Mapping[str, Any] | None = None,
) -> list[UUID]:
    """Start a run for each input, a mapping from parameters to values; return their ids in this order.

    All are committed together, with the caller's transaction or in one of their own. key makes the key
    of a run out of its input: one that is known gives the run that is there, as start does. The
    options are those of start, and the same for all. Raises InvalidInput, KeyConflict, RunPruned,
    UnknownWorkflow; then none is started.
    """
    refuse("calls start_many()", "write run.map([run.child(workflow, …), …])")
    options = StartOptions(
        deadline_seconds=deadline_seconds,
        priority=priority,
        at=at,
        subject=subject,
        owner=owner,
        attributes=attributes,
        tags=tags,
        tenant=tenant,
        baggage=baggage,
    )
    asked = (
        asked_run(workflow, (), dict(input), options._replace(key=key(input) if key else None))
        for input in _checked(inputs, key)
    )
    if subject is not None and workflow_definition(workflow).one_per_subject:
        name = workflow_definition(workflow).name
        raise InvalidInput(
            f"{name!r} has one run for each subject: start each by start.using(subject=…)"
        )
    started: list[UUID] = []
    with transaction.atomic():
        for batch in _batches(asked):
            started += _start_batch(batch)
    return started


def _checked(inputs: Any, key: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the inputs. Raises InvalidInput for what is none, and for a key that makes none."""
    if key is not None and not callable(key):
        raise InvalidInput(
            f"key is {shown(key)}; give a function that makes a run's key out of its input"
        )
    wanted = "give mappings from parameters to values"
    if not isinstance(inputs, Iterable):
        raise InvalidInput(f"inputs are {shown(inputs)}; {wanted}")
    for input in inputs:
        if not isinstance(input, Mapping):
            raise InvalidInput(f"an input is {shown(input)}; {wanted}")
        yield input


def _batches(asked: Iterator[Requested]) -> Iterator[list[Requested]]:
    while batch := list(islice(asked, BATCH)):
        yield batch


def _start_batch(batch: Sequence[Requested]) -> list[UUID]:
    created = store.create_runs([each.new for each in batch])
    for each in batch:
        if each.new.id in created:
            announcements.run_started(
                each.new.id, each.new.workflow, each.new.version, key=each.new.key
            )
    left = [each for each in batch if each.new.id not in created]
    known = _known(left)
    return [known.get(each.new.id, each.new.id) for each in batch]


def _known(left: Sequence[Requested]) -> dict[UUID, UUID]:
    """Return by the ids that they would have had the runs whose keys were taken."""
    if not left:
        return {}
    keys = [str(each.new.key) for each in left]
    found = store.find_by_keys(left[0].definition.name, keys)
    known = {}
    for each, key in zip(left, keys, strict=True):
        if key in found:
            run_id, input = found[key]
            refuse_other_input(each, input)
            known[each.new.id] = run_id
        else:  # the key of a run that was pruned; or it has just fallen free
            known[each.new.id] = begin(each).id
    return known
