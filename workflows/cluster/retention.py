"""The chore that prunes: a batch at a time, as the settings say, between two looks at the queue."""

from collections.abc import Iterator

from workflows import signals
from workflows.conf import conf
from workflows.core.retention import read_rules, seconds_of
from workflows.engine import prune
from workflows.store.database import Connection

BETWEEN_BATCHES_SECONDS = 1.0
BETWEEN_ROUNDS_SECONDS = 600.0


class Prune:
    """One pusher's round through what is old enough. Others go through it at the same time: a family
    that one of them has locked is passed over."""

    def __init__(self) -> None:
        self._round: Iterator[prune.Batch] | None = None
        self._own: Connection | None = None
        self._runs = 0

    def every_seconds(self) -> float:
        """Return the time to the next batch, or to the next round."""
        return BETWEEN_ROUNDS_SECONDS if self._round is None else BETWEEN_BATCHES_SECONDS

    def __call__(self, own: Connection) -> None:
        """Prune one batch; behind the last, forget old keys and say how many runs went."""
        if self._round is None or self._own is not own:
            self._round, self._runs = prune.prune(read_rules(conf().retention), own=own), 0
            self._own = own
        try:
            batch = next(self._round, None)
        except Exception:
            self._round = (
                None  # a generator that has raised goes no further; its connection may be gone
            )
            raise
        if batch is not None:
            self._runs += batch.runs
            return
        self._round = None
        prune.forget_keys(older_than_seconds=seconds_of(conf().keep_keys), own=own)
        if self._runs:
            signals.runs_pruned.send_robust(sender=Prune, runs=self._runs)
