"""Statistics: what has happened in each minute and hour, and since they began.

Counted outside the drives' commits, from what these have written (store/counting.py). core.figures says what the
columns mean.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from workflows.models.default_database import InDefaultDatabase


class Statistic(models.Model):
    """One figure of one span. The order of the key serves charts: a grain, a range of time."""

    pk = models.CompositePrimaryKey("grain", "at", "what", "workflow", "version", "name")
    grain = models.IntegerField()
    at = models.DateTimeField()
    what = models.TextField()
    workflow = models.TextField()
    version = models.IntegerField()
    name = models.TextField()
    count = models.BigIntegerField()
    seconds = models.FloatField()
    buckets = ArrayField(models.BigIntegerField())

    objects = InDefaultDatabase["Statistic"]()

    def __str__(self) -> str:
        return f"{self.what} {self.workflow} {self.name}".strip()


class StatisticMark(models.Model):
    """How far clusters have counted. There is one row; who counts has it locked."""

    id = models.SmallIntegerField(primary_key=True)
    # All lines up to this id are counted, and all runs created up to this time.
    line_id = models.BigIntegerField()
    created_until = models.DateTimeField()
    # What is counted next, once every transaction has ended that is older than this one.
    next_line_id = models.BigIntegerField(null=True)
    next_created_until = models.DateTimeField(null=True)
    next_transaction = models.BigIntegerField(null=True)

    objects = InDefaultDatabase["StatisticMark"]()

    def __str__(self) -> str:
        return f"{self.line_id} {self.created_until}"
