"""Who waits for a run, outside: holds an advisory lock of it, and is told by a notification then only.

A trigger asks for the lock where the run ends or its data changes (migration 0015). Behind a pooler that
hands its connections around, nothing may stay behind on them: there the waiter is told nothing, and looks
now and then, as he does anyway.
"""

from types import TracebackType
from uuid import UUID

from workflows.store.database import query
from workflows.store.statement import Statement
from workflows.store.workers import open_connection

# The number is that of the trigger; it keeps these locks apart from others by a hash of a uuid.
_SHOW = Statement(
    """
    SELECT EXISTS (SELECT FROM workflows_run WHERE id = %(run)s),
           pg_backend_pid() = %(pid)s,
           CASE WHEN pg_backend_pid() = %(pid)s
                THEN pg_advisory_lock_shared(uuid_hash_extended(%(run)s, 20817)) END
    """
)
_LISTEN = Statement('LISTEN "workflows_waiters"')


class Waiter:
    """Waits for news of a run, on a connection of its own."""

    def __init__(self, run_id: UUID) -> None:
        self._run_id = run_id

    def __enter__(self) -> "Waiter":
        self._own = open_connection()
        try:
            params = {"run": self._run_id, "pid": self._own.info.backend_pid}
            [[self.others_see_it, self.is_told, _]] = query(_SHOW, params, on=self._own)
            if self.is_told:
                query(_LISTEN, on=self._own)
        except BaseException:
            self._own.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._own.close()

    def wait(self, seconds: float) -> None:
        """Wait for news, so long at most."""
        for news in self._own.notifies(timeout=seconds):
            if news.payload == str(self._run_id):
                return
