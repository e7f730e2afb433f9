"""Schedules: what starts runs by itself, and when."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import CheckConstraint, Index, Q

from workflows.core.schedule import Overlap
from workflows.models.clock import ClockTimestamp
from workflows.models.default_database import InDefaultDatabase


class Schedule(models.Model):
    """Written by `workflows.store.schedules` only. core.schedule says what the columns mean."""

    id = models.BigAutoField(primary_key=True)
    name = models.TextField(unique=True)
    workflow = models.TextField()
    input = models.JSONField(default=dict, blank=True, db_default={})
    cron = models.TextField(default="", blank=True, db_default="")
    zone = models.TextField(default="UTC", db_default="UTC")
    every_seconds = models.FloatField(null=True, blank=True)
    at = models.DateTimeField(null=True, blank=True)
    overlap = models.TextField(
        choices=Overlap.choices, default=Overlap.SKIP, db_default=Overlap.SKIP.value
    )
    catch_up_seconds = models.FloatField(default=3600.0, db_default=3600.0)
    jitter_seconds = models.FloatField(default=0.0, db_default=0.0)
    pause_on_failure = models.BooleanField(default=False, db_default=False)
    # What the code last said of it, by column; NULL: it is no code's.
    declared = models.JSONField(null=True, blank=True)
    removed = models.BooleanField(default=False, db_default=False)
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_by = models.TextField(default="", blank=True, db_default="")
    pause_note = models.TextField(default="", blank=True, db_default="")
    done_until = models.DateTimeField()
    next_tick = models.DateTimeField(null=True, blank=True)
    next_at = models.DateTimeField(null=True, blank=True)
    last_tick = models.DateTimeField(null=True, blank=True)
    last_run_id = models.UUIDField(null=True, blank=True)
    open_runs = ArrayField(models.UUIDField(), default=list, blank=True, db_default=[])
    waiting = ArrayField(models.DateTimeField(), default=list, blank=True, db_default=[])
    started = models.PositiveBigIntegerField(default=0, db_default=0)
    skipped = models.PositiveBigIntegerField(default=0, db_default=0)
    missed = models.PositiveBigIntegerField(default=0, db_default=0)
    problem = models.TextField(default="", blank=True, db_default="")
    created_at = models.DateTimeField(db_default=ClockTimestamp())

    objects = InDefaultDatabase["Schedule"]()

    class Meta:
        constraints = [
            CheckConstraint(
                condition=Q(cron="", every_seconds=None, at__isnull=False)
                | Q(cron="", every_seconds__isnull=False, at=None)
                | (~Q(cron="") & Q(every_seconds=None, at=None)),
                name="schedule_one_timing",
            ),
        ]
        indexes = [
            # store/schedules.py: what is due next.
            Index(
                fields=["next_at"],
                condition=Q(paused_at__isnull=True, removed=False),
                name="schedule_due_idx",
            ),
        ]

    def __str__(self) -> str:
        return self.name
