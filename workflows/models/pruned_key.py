"""Keys of runs that are gone: they still refuse a second start."""

from django.db import models
from django.db.models import Index, UniqueConstraint

from workflows.models.clock import ClockTimestamp
from workflows.models.default_database import InDefaultDatabase


class PrunedKey(models.Model):
    """Written with the deletion of its run; forgotten after the setting `keep_keys`."""

    id = models.BigAutoField(primary_key=True)
    workflow = models.TextField()
    key = models.TextField()
    run_id = models.UUIDField()
    state = models.TextField()
    """As which its run had ended."""
    pruned_at = models.DateTimeField(db_default=ClockTimestamp())

    objects = InDefaultDatabase["PrunedKey"]()

    class Meta:
        constraints = [
            # store/runs.py, create_run: is there one?
            UniqueConstraint(fields=["workflow", "key"], name="pruned_key_once"),
        ]
        indexes = [
            # store/prune.py, forget_keys: the oldest.
            Index(fields=["pruned_at"], name="pruned_key_age_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.workflow} {self.key}"
