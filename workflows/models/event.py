"""The inbox: events sent to runs, kept until a wait consumes them."""

from django.db import models
from django.db.models import Index, Q, UniqueConstraint

from workflows.models.clock import ClockTimestamp
from workflows.models.default_database import InDefaultDatabase
from workflows.models.run import Run


class Event(models.Model):
    """Consumed in the same statement as the line of history that records it."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(Run, models.CASCADE, related_name="inbox", db_index=False)
    name = models.TextField()
    payload = models.JSONField()
    key = models.TextField(null=True)  # noqa: DJ001 - NULL is "no key": not unique
    # Of what consumed it; 0: of an update that was refused.
    position = models.PositiveIntegerField(null=True)
    # Who sent it, as he said; for whom; and which run, where it was one. That may be pruned by now.
    by = models.TextField(db_default="")
    tenant = models.TextField(db_default="")
    sender = models.UUIDField(null=True)
    # Of an update, what its caller is told.
    answer = models.JSONField(null=True)
    # Of what a run of a chain has consumed before it went on, if it has a key: whose key it is from then on.
    chain_id = models.UUIDField(null=True)
    sent_at = models.DateTimeField(db_default=ClockTimestamp())

    objects = InDefaultDatabase["Event"]()

    class Meta:
        constraints = [
            UniqueConstraint(
                fields=["run", "key"], condition=Q(key__isnull=False), name="event_once"
            ),
        ]
        indexes = [
            # store/events.py, load_inbox: what the run has not consumed.
            Index(fields=["run", "id"], condition=Q(position__isnull=True), name="event_inbox_idx"),
            # store/events.py: keys that a chain knows.
            Index(
                fields=["chain_id", "key"],
                condition=Q(chain_id__isnull=False),
                name="event_chain_idx",
            ),
            # store/prune.py, and PostgreSQL's own look for what points at a run that is deleted.
            Index(fields=["run"], name="event_run_idx"),
        ]

    def __str__(self) -> str:
        return self.name
