"""What steps emit while they run, kept until the run is pruned."""

from django.db import models

from workflows.models.clock import ClockTimestamp
from workflows.models.default_database import InDefaultDatabase


class Chunk(models.Model):
    """Points to its run by the id alone: a foreign key would look at the run once for each chunk. A trigger
    deletes a run's chunks with it (migration 0029)."""

    # store/stream.py: the chunks of a run behind a place.
    pk = models.CompositePrimaryKey("run_id", "attempt", "sequence")
    run_id = models.UUIDField()
    # The run's. A drive numbers what it emits from 1.
    attempt = models.IntegerField()
    sequence = models.IntegerField()
    step = models.TextField()
    position = models.IntegerField()
    step_attempt = models.IntegerField()
    # From 1 in each attempt of the step.
    number = models.IntegerField()
    undo = models.BooleanField(default=False, db_default=False)
    value = models.JSONField()
    at = models.DateTimeField(db_default=ClockTimestamp())

    objects = InDefaultDatabase["Chunk"]()

    def __str__(self) -> str:
        return f"{self.step} {self.number}"
