"""Starts with the same key that follow each other quickly: which run stands for them."""

from django.db import models
from django.db.models import UniqueConstraint

from workflows.models.clock import ClockTimestamp
from workflows.models.default_database import InDefaultDatabase


class StartWindow(models.Model):
    """Whoever starts a run locks it first: starts with the same key come one after the other."""

    id = models.BigAutoField(primary_key=True)
    workflow = models.TextField()
    kind = models.TextField()
    """What the start said: debounce or throttle."""
    key = models.TextField()
    run_id = models.UUIDField(null=True)
    first_at = models.DateTimeField(db_default=ClockTimestamp())
    due_at = models.DateTimeField(null=True)
    kept_until = models.DateTimeField(db_default=ClockTimestamp())
    """From then on it says nothing any more."""

    objects = InDefaultDatabase["StartWindow"]()

    class Meta:
        constraints = [
            UniqueConstraint(fields=["workflow", "kind", "key"], name="start_window_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.workflow} {self.key}"
