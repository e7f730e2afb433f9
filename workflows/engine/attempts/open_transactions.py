"""What is open on Django's connection: a step must leave it as it found it."""

from typing import NamedTuple

from django.db import DEFAULT_DB_ALIAS, connection, connections
from psycopg.pq import TransactionStatus


class StepLeftOpen(Exception):
    """What history records for a step that left its connection in the middle of something."""


def drop_broken_connection() -> None:
    """Drop Django's connection if an error has broken it, or somebody has closed the driver's
    behind its back; the next statement opens another."""
    django = connections[DEFAULT_DB_ALIAS]  # once: every look through the proxy costs a search
    if django.in_atomic_block:
        return
    if django.errors_occurred:
        django.close_if_unusable_or_obsolete()
    if django.connection is not None and django.connection.closed:
        django.close()


class OpenWork(NamedTuple):
    """The transactions open at a moment."""

    blocks: int
    """How many atomic() blocks deep."""
    autocommit: bool
    by_hand: bool
    """A transaction that Django knows nothing of, begun in SQL."""
    broken: bool
    """Nothing can be committed: an error was swallowed, or the connection closed, inside one."""

    @classmethod
    def now(cls) -> "OpenWork":
        """Look, without a round trip."""
        django = connections[DEFAULT_DB_ALIAS]
        raw, inside = django.connection, django.in_atomic_block
        # A thread's connection that is not open yet says False; it opens as the settings say.
        autocommit = django.settings_dict["AUTOCOMMIT"] if raw is None else django.autocommit
        # UNKNOWN where it is lost.
        status = TransactionStatus.IDLE if raw is None else raw.pgconn.transaction_status
        lost = status == TransactionStatus.UNKNOWN
        return cls(
            blocks=len(django.atomic_blocks),
            autocommit=autocommit,
            by_hand=not (inside or lost) and autocommit and status != TransactionStatus.IDLE,
            broken=django.needs_rollback
            or (inside and (lost or status == TransactionStatus.INERROR)),
        )

    def compare(self) -> None:
        """Raise StepLeftOpen when something else is open now."""
        now = self.now()
        if now == self:
            return
        if now.broken and not self.broken:
            raise StepLeftOpen(
                "the step swallowed a database error inside its transaction, or closed the "
                "connection; put `with transaction.atomic()` around what may fail"
            )
        raise StepLeftOpen("the step left a transaction open; use `with transaction.atomic()`")

    def restore(self) -> None:
        """Undo what was left open. Raises django.db.Error when the database is away."""
        if self.blocks:
            # Only a test drives inside a transaction of its own, which must live on.
            while len(connection.atomic_blocks) > self.blocks:
                connection.atomic_blocks[-1].__exit__(StepLeftOpen, StepLeftOpen(), None)
            return
        if self.now() != self:
            connection.close()
            connection.connect()  # forgets the open transaction
        connection.close_if_unusable_or_obsolete()
