"""What each run has done, a line per fact. Append-only: a trigger refuses UPDATE and DELETE."""

from django.db import models
from django.db.models import UniqueConstraint

from workflows.models.clock import ClockTimestamp
from workflows.models.default_database import InDefaultDatabase
from workflows.models.run import Run


class History(models.Model):
    """The source of truth for replay, the timeline and the audit. See core.history; of its integers, models.Run."""

    id = models.BigAutoField(primary_key=True)
    # The constraint below leads with the run, so the key needs no index of its own.
    run = models.ForeignKey(Run, models.CASCADE, related_name="history", db_index=False)
    position = models.IntegerField(null=True)
    part = models.IntegerField(default=0, db_default=0)
    kind = models.TextField()
    name = models.TextField(default="", db_default="")
    data = models.JSONField(default=dict)
    attempt = models.IntegerField()
    at = models.DateTimeField(db_default=ClockTimestamp())

    objects = InDefaultDatabase["History"]()

    class Meta:
        verbose_name_plural = "history"
        constraints = [
            # One outcome for each operation; lines about the run itself have no position.
            UniqueConstraint(fields=["run", "position", "part"], name="history_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}".strip()
