"""The operators' verbs on many runs at once: those that a filter finds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Unpack
from uuid import UUID

from django.db import OperationalError, connection

from workflows.core.errors import InvalidInput, RequestError, RunNotFound
from workflows.core.run_filter import RunFilter
from workflows.definitions.workflow_guard import IN_A_STEP, refuse
from workflows.engine.requests.asked import asked
from workflows.engine.requests.pause import pause, resume
from workflows.engine.requests.retry import retry
from workflows.engine.requests.run_filters import read_filter, read_limit
from workflows.engine.requests.steering import cancel, compensate, retry_now
from workflows.store import found_runs as store

BATCH = 200


VERBS: Mapping[str, Callable[..., bool]] = {
    "cancel": cancel,
    "compensate": compensate,
    "pause": pause,
    "resume": resume,
    "retry": retry,
    "retry_now": retry_now,
}
"""By name: what does it to one run, told by whom, why and by which way; False where its state refuses. Each is one
transaction."""


@dataclass(kw_only=True)
class Steered:
    """What became of the runs that a filter found."""

    verb: str
    matched: int
    """Counted before anything was done; with dry_run, that is all."""
    done: int = 0
    moved_on: int = 0
    """They were gone, or the filter was no longer true of them, when their turn came."""
    refused: int = 0
    """Their state, or what they are, is none for the verb."""
    reasons: dict[str, int] = field(default_factory=dict)
    """Why, and of how many, where a reason was given."""

    def _refuse(self, reason: str) -> None:
        self.refused += 1
        self.reasons[reason] = self.reasons.get(reason, 0) + 1


def steer_runs(
    verb: str,
    /,
    *,
    dry_run: bool = False,
    by: str = "",
    reason: str = "",
    via: str = "",
    limit: int | None = None,
    progress: Callable[[Steered], object] | None = None,
    **filter: Unpack[RunFilter],
) -> Steered:
    """Do to every run that a filter finds what the verb does to one: "cancel", "compensate", "pause",
    "resume", "retry" or "retry_now".

    dry_run: only count them, exactly. limit: only so many, the oldest first. A filter says something:
    for all open runs, name the states. progress: called after each batch with what is done so far.

    Runs are taken in batches, the oldest first, those that are there when it begins; each is asked
    again for the filter and then steered in a transaction of its own. So it does no harm to runs that
    move meanwhile, and whoever was killed in the middle calls it again. Inside a transaction of the
    caller's, all of it is committed or lost with that. Raises InvalidInput.
    """
    refuse(f"calls steer_runs({verb!r})", IN_A_STEP)
    if verb not in VERBS:
        raise InvalidInput(f"there is no verb {verb!r:.80} for many runs; give {_choices()}")
    wanted = read_filter(filter)
    if not wanted:
        raise InvalidInput(
            f"steer_runs({verb!r}) says of no run; for all open ones, name the states"
        )
    read_limit(limit)
    words = asked(by=by, reason=reason, via=via)._asdict()
    found = store.count_runs(wanted)
    steered = Steered(verb=verb, matched=found.runs)
    if found.newest is not None and not dry_run:
        _steer(steered, found.newest, wanted, words, limit, progress or _unwatched)
    return steered


def _unwatched(_: Steered) -> None:
    """Nobody asks how far it is."""


def _choices() -> str:
    return " or ".join(f'"{name}"' for name in VERBS)


def _steer(
    steered: Steered,
    until: datetime,
    wanted: dict[str, Any],
    words: dict[str, str],
    limit: int | None,
    progress: Callable[[Steered], object],
) -> None:
    left = steered.matched if limit is None else min(limit, steered.matched)
    tried, after = left, None
    while left and (
        batch := store.list_places(wanted, until=until, after=after, limit=min(BATCH, left))
    ):
        for each in batch:
            _steer_one(steered, each.id, wanted, words)
        after, left = batch[-1], left - len(batch)
        steered.moved_on = tried - left - steered.done - steered.refused
        progress(steered)
    # Those as well that were counted, and were gone when their batch was read.
    steered.moved_on = tried - steered.done - steered.refused


def _steer_one(
    steered: Steered, run_id: UUID, wanted: dict[str, Any], words: dict[str, str]
) -> None:
    if not store.is_among(run_id, wanted):
        return
    try:
        if VERBS[steered.verb](run_id, **words):
            steered.done += 1
        else:
            steered.refused += 1
    except RunNotFound:
        return
    except RequestError as exc:
        steered._refuse(str(exc))
    except OperationalError as exc:
        # Others were in its way (a deadlock, a lock that was not had): nothing of it is done.
        if connection.in_atomic_block:
            raise
        steered._refuse(str(exc).splitlines()[0])
