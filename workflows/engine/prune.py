"""Prune runs that have ended, batch by batch: archived first where somebody wants that, then deleted."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction

from workflows.core.retention import Rule, find_rule
from workflows.store import prune as store
from workflows.store.database import Connection

BATCH = 50
"""Families that are looked at in one transaction: their locks are held for some milliseconds."""
FORGOTTEN_AT_ONCE = 1000

Keep = Callable[[Sequence[UUID]], None]


class Batch(NamedTuple):
    """What one batch came to."""

    families: int
    """So many were old enough by their newest run."""
    runs: int
    """So many were deleted (or would be): of families that may go as a whole."""


class _Undone(Exception):
    """Rolls a batch back that was only to be counted."""


def count_families(rules: Sequence[Rule]) -> int:
    """Return how many families prune will look at."""
    return sum(store.count_old(rule) for rule in _by_name(rules, None))


def prune(
    rules: Sequence[Rule],
    *,
    keep: Keep | None = None,
    dry_run: bool = False,
    own: Connection | None = None,
) -> Iterator[Batch]:
    """Delete what these rules do not keep, a transaction for each batch; yield what each came to.

    A family is a run with its children, and theirs, and with all runs of its chain. It goes as a whole
    or not at all: while one of them is open, or kept by its own rule, or locked by somebody, all stay.
    keep is called with the ids before they are deleted; where it raises, nothing of the batch is.
    own: send on this connection instead of Django's.
    """
    for rule in _by_name(rules, own):
        last: store.Top | None = None
        while tops := store.list_old(rule, after=last, limit=BATCH, on=own):
            last = tops[-1]
            yield Batch(len(tops), _prune_batch(tops, rules, keep, dry_run, own))


def forget_keys(*, older_than_seconds: int, own: Connection | None = None) -> bool:
    """Forget keys of runs that were pruned longer ago, some of them. True: there may be more."""
    asked = {"older_than_seconds": older_than_seconds, "limit": FORGOTTEN_AT_ONCE}
    return store.forget_keys(**asked, on=own) == FORGOTTEN_AT_ONCE


def _by_name(rules: Sequence[Rule], own: Connection | None) -> Iterator[Rule]:
    """Yield the rules by which runs go, each with a workflow's name."""
    names = store.list_ended_workflows(on=own) if rules else []
    for name in names:
        for state in dict.fromkeys(rule.state for rule in rules):
            rule = find_rule(rules, name, state)
            if rule is not None and rule.seconds is not None:
                yield rule._replace(workflow=name)


def _prune_batch(
    tops: Sequence[store.Top],
    rules: Sequence[Rule],
    keep: Keep | None,
    dry_run: bool,
    own: Connection | None,
) -> int:
    runs: list[UUID] = []
    try:
        with _transaction(own):
            runs = store.begin_batch(tops, rules, on=own)
            if dry_run:
                raise _Undone
            if runs and keep is not None:
                keep(runs)
            if runs:
                store.delete_runs(runs, on=own)
    except _Undone:
        pass
    return len(runs)


def _transaction(own: Connection | None) -> AbstractContextManager[Any]:
    return transaction.atomic() if own is None else own.transaction()
