"""The chores that count: what has happened since the last round, a batch at a time, and what becomes of old rows.

Every cluster has them; one of them counts at a time, and the others pass it by.
"""

from workflows.conf import conf
from workflows.core.figures import Grain, count_in_all
from workflows.core.retention import seconds_of
from workflows.store import counting
from workflows.store import statistics as store
from workflows.store.database import Connection, transaction_on

BETWEEN_BATCHES_SECONDS = 0.2
BETWEEN_LOOKS_SECONDS = 1.0
"""While transactions are open that were when the mark was made."""
BETWEEN_ROUNDS_SECONDS = 5.0
HOUR = 3600
KEPT_SECONDS = {Grain.MINUTE: 6 * HOUR, Grain.QUARTER: 3 * 24 * HOUR, Grain.HOUR: 15 * 24 * HOUR}
"""Beyond the charts that are made of them. Those of six hours: the setting `keep_statistics`."""
BETWEEN_TIDIES_SECONDS = 300.0


class Count:
    """One pusher's part in the counting."""

    def __init__(self) -> None:
        self._rest = BETWEEN_ROUNDS_SECONDS

    def every_seconds(self) -> float:
        """Return the time to the next batch, look or round."""
        return self._rest

    def __call__(self, own: Connection) -> None:
        """Make a mark, or count the next batch up to it."""
        with transaction_on(own):
            mark = counting.begin(own)
            if mark is None:
                counting.begin_with_now(own)
                self._rest = BETWEEN_ROUNDS_SECONDS
            elif mark.next_line_id is None or mark.next_created_until is None:
                counting.set_mark(mark, own)
                self._rest = BETWEEN_LOOKS_SECONDS
            elif not mark.is_settled:
                self._rest = BETWEEN_LOOKS_SECONDS
            else:
                done = _count(mark, mark.next_line_id, own)
                self._rest = BETWEEN_ROUNDS_SECONDS if done else BETWEEN_BATCHES_SECONDS


def _count(mark: counting.Mark, until: int, own: Connection) -> bool:
    """Count a batch of lines and one of starts. Returns whether the mark is reached."""
    created_until = mark.next_created_until or mark.created_until
    lines, line_id = counting.count_lines(own, after=mark.line_id, until=until)
    started, created = counting.count_started(own, after=mark.created_until, until=created_until)
    store.add_figures(count_in_all([*lines, *started]), on=own)
    done = line_id == until and created == created_until
    counting.keep_up(own, line_id=line_id, created_until=created, done=done)
    return done


class Tidy:
    """Deletes figures, those of short spans sooner. What is counted for ever stays."""

    def __init__(self) -> None:
        self._has_more = False

    def every_seconds(self) -> float:
        """Return the time to the next batch, or to the next round."""
        return BETWEEN_BATCHES_SECONDS if self._has_more else BETWEEN_TIDIES_SECONDS

    def __call__(self, own: Connection) -> None:
        """Delete a batch of each grain."""
        kept = {**KEPT_SECONDS, Grain.SIX_HOURS: seconds_of(conf().keep_statistics)}
        more = [
            store.forget(own, grain, older_than_seconds=seconds) for grain, seconds in kept.items()
        ]
        self._has_more = any(more)
