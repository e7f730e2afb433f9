"""Limits: who holds a slot, who waits for one, and when a rate comes to its next moment.

Written by the functions of migration 0016, which `workflows.store.limits` calls, and by its triggers.
"""

from django.db import models
from django.db.models import Index, Q, UniqueConstraint

from workflows.models.clock import ClockTimestamp
from workflows.models.default_database import InDefaultDatabase


class LimitSlot(models.Model):
    """A slot of a limit, for one key. Free where it names no run."""

    id = models.BigAutoField(primary_key=True)
    name = models.TextField()
    key = models.TextField(default="", db_default="")
    number = models.PositiveIntegerField()
    most = models.PositiveIntegerField()
    run_id = models.UUIDField(null=True)
    # Of the step, 0 for the run as a whole; and the run's attempt, since a zombie frees nothing.
    position = models.PositiveIntegerField(null=True)
    attempt = models.PositiveIntegerField(null=True)
    changed_at = models.DateTimeField(db_default=ClockTimestamp())

    objects = InDefaultDatabase["LimitSlot"]()

    class Meta:
        constraints = [
            UniqueConstraint(fields=["name", "key", "number"], name="limit_slot_once"),
        ]
        indexes = [
            # What a run holds, to be freed with it.
            Index(fields=["run_id"], condition=Q(run_id__isnull=False), name="limit_holder_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.key} {self.number}".strip()


class LimitWait(models.Model):
    """A run that has parked until a slot is free."""

    id = models.BigAutoField(primary_key=True)
    name = models.TextField()
    key = models.TextField(default="", db_default="")
    most = models.PositiveIntegerField()
    run_id = models.UUIDField()
    position = models.PositiveIntegerField()
    priority = models.SmallIntegerField()
    # Tenants take turns: of the same turn, who came first. Both are given by a trigger.
    tenant = models.TextField(default="", db_default="")
    turn = models.BigIntegerField(default=0, db_default=0)
    woken_at = models.DateTimeField(null=True)

    objects = InDefaultDatabase["LimitWait"]()

    class Meta:
        constraints = [
            UniqueConstraint(fields=["run_id", "position"], name="limit_wait_once"),
        ]
        indexes = [
            # Who is next.
            Index(fields=["name", "key", "-priority", "turn", "id"], name="limit_turn_idx"),
            # A tenant's last turn.
            Index(fields=["name", "key", "priority", "tenant", "-turn"], name="limit_tenant_idx"),
            # Who has been woken, and when.
            Index(
                fields=["name", "key", "woken_at"],
                condition=Q(woken_at__isnull=False),
                name="limit_woken_idx",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.key} {self.run_id}"


class LimitRate(models.Model):
    """The next moment of a rate that nobody has, for one key."""

    id = models.BigAutoField(primary_key=True)
    name = models.TextField()
    key = models.TextField(default="", db_default="")
    next_at = models.DateTimeField()

    objects = InDefaultDatabase["LimitRate"]()

    class Meta:
        constraints = [UniqueConstraint(fields=["name", "key"], name="limit_rate_once")]

    def __str__(self) -> str:
        return f"{self.name} {self.key}".strip()


class LimitMoment(models.Model):
    """A moment of a rate that a run has, and for which it has parked."""

    id = models.BigAutoField(primary_key=True)
    run_id = models.UUIDField()
    position = models.PositiveIntegerField()
    at = models.DateTimeField()

    objects = InDefaultDatabase["LimitMoment"]()

    class Meta:
        constraints = [UniqueConstraint(fields=["run_id", "position"], name="limit_moment_once")]

    def __str__(self) -> str:
        return f"{self.run_id} {self.position}"


class LimitSetting(models.Model):
    """What an operator has set, whatever the code says."""

    name = models.TextField(primary_key=True)
    most = models.PositiveIntegerField(null=True)
    times = models.PositiveIntegerField(null=True)
    per_seconds = models.FloatField(null=True)
    set_at = models.DateTimeField(db_default=ClockTimestamp())

    objects = InDefaultDatabase["LimitSetting"]()

    def __str__(self) -> str:
        return self.name
