"""Worker processes. A worker is alive while it holds the advisory lock that its id names."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from workflows.models.clock import ClockTimestamp
from workflows.models.default_database import InDefaultDatabase


class Worker(models.Model):
    """Rows of the dead are removed by the sweep."""

    id = models.BigAutoField(primary_key=True)
    host = models.TextField()
    pid = models.PositiveIntegerField()
    place = models.TextField(default="", db_default="")
    """Where the pid means something: a boot of a host, a pid namespace. Empty: of an older release."""
    # Of the command that started its cluster; NULL: an older release does not say.
    cluster_pid = models.PositiveIntegerField(null=True)
    session_name = models.TextField(default="", db_default="")
    """The application_name of its sessions; no other process has it. Empty: of an older release."""
    started_at = models.DateTimeField(db_default=ClockTimestamp())
    # What it has code for, pairwise; NULL: a worker of an older release, which does not say.
    workflows = ArrayField(models.TextField(), null=True, blank=True)
    versions = ArrayField(models.PositiveIntegerField(), null=True, blank=True)

    # Which pools it serves, and pairwise what it has code for besides: of a workflow of another pool it drives
    # the steps of its own. NULL: a worker of an older release, which knows of no such steps.
    pools = ArrayField(models.TextField(), null=True, blank=True)
    other_workflows = ArrayField(models.TextField(), null=True, blank=True)
    other_versions = ArrayField(models.PositiveIntegerField(), null=True, blank=True)

    slots = models.PositiveIntegerField(default=1, db_default=1)
    """How many runs it drives at a time."""

    objects = InDefaultDatabase["Worker"]()

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}"
