"""One execution of a workflow. The row is the queue: it is due when state and wake_at say so."""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import (
    Case,
    CheckConstraint,
    Exists,
    Index,
    OuterRef,
    Q,
    UniqueConstraint,
    When,
)
from django.db.models.fields.json import KeyTextTransform, KeyTransform
from django.db.models.functions import Cast, Coalesce

from workflows.core.states import DUE_STATES, FINAL_STATES, HELD_STATES, RunState
from workflows.models.clock import ClockTimestamp
from workflows.models.default_database import InDefaultDatabase


class RunQuerySet(models.QuerySet["Run"]):
    """Adjectives for runs."""

    def counting_crashes(self) -> "RunQuerySet":
        """Add crashes_in_a_row: the crashes, unless the run has made progress since the last: a line about an
        operation, or heartbeats that grow in this drive."""
        line = self.model._meta.get_field("history").related_model
        progress = line._default_manager.filter(
            run=OuterRef("pk"), position__isnull=False, id__gt=OuterRef("crash_mark")
        )
        grew = Coalesce(Cast(KeyTextTransform("grew", "heartbeat"), models.IntegerField()), -1)
        moves_now = Q(state__in=sorted(HELD_STATES), heartbeat_grew=models.F("attempt"))
        # Most runs have no crashes, and cost no look at their history.
        counted = When(Q(crashes__gt=0) & ~moves_now & ~Exists(progress), then="crashes")
        return self.alias(heartbeat_grew=grew).annotate(crashes_in_a_row=Case(counted, default=0))


TROUBLED_STATES = [
    each.value
    for each in (RunState.BLOCKED, RunState.CANCELLED, RunState.COMPENSATED, RunState.FAILED)
]
"""No run that goes well comes to one of these."""

RunManager = InDefaultDatabase.from_queryset(RunQuerySet)


class Run(models.Model):
    """Written by `workflows.store` only; a trigger refuses moves that core.states does not list.

    Its counters are no PositiveIntegerField: PostgreSQL reads the text of each CHECK anew at every write of a row.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workflow = models.TextField()
    version = models.IntegerField()
    state = models.TextField(choices=RunState.choices, default=RunState.PENDING)
    status = models.TextField(default="", blank=True)
    key = models.TextField(null=True, blank=True)  # noqa: DJ001 - NULL is "no key": not unique
    # What the caller gave, and the function's defaults for the rest. Apart, so that code without
    # one of these parameters, older or newer, drives the run all the same.
    input = models.JSONField(default=dict)
    defaults = models.JSONField(default=dict, db_default={})
    output = models.JSONField(null=True, blank=True)
    error = models.JSONField(null=True, blank=True)
    wake_at = models.DateTimeField(null=True, blank=True)
    waiting_for = ArrayField(models.TextField(), default=list, db_default=[])
    events = models.IntegerField(default=0, db_default=0)
    attempt = models.IntegerField(default=0, db_default=0)
    # A trigger makes such a run paused wherever it is let go of, and keeps its time for resume.
    pausing = models.BooleanField(default=False, db_default=False)
    due_at_resume = models.DateTimeField(null=True, blank=True)
    retries = models.IntegerField(default=0, db_default=0)
    # Of a workflow with retry=: how many runs before it in its chain were tries that failed.
    failed_tries = models.IntegerField(default=0, db_default=0)
    worker_id = models.BigIntegerField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    # As of the last one; RunQuerySet.counting_crashes knows of progress since.
    crashes = models.IntegerField(default=0, db_default=0)
    crash_mark = models.BigIntegerField(default=0, db_default=0)
    data = models.JSONField(default=dict, db_default={})
    attributes = models.JSONField(default=dict, db_default={})
    baggage = models.JSONField(default=dict, db_default={})
    progress = models.JSONField(null=True, blank=True)
    heartbeat = models.JSONField(null=True, blank=True)
    # See core.running_steps.
    running_steps = models.JSONField(null=True, blank=True)
    compensation_error = models.JSONField(null=True, blank=True)
    deadline = models.DateTimeField(null=True, blank=True)
    # How long that was when it was given: what a fork has. Missing in what older releases write.
    deadline_seconds = models.FloatField(null=True, blank=True)
    priority = models.SmallIntegerField(default=0, db_default=0)
    owner = models.TextField(default="", blank=True, db_default="")
    tags = ArrayField(models.TextField(), default=list, db_default=[])
    subject = models.TextField(default="", blank=True, db_default="")
    # As its workflow says; else the setting counts.
    max_crashes = models.IntegerField(null=True, blank=True)
    one_per_subject = models.BooleanField(default=False, db_default=False)
    # A trigger takes the key away at the end, and keeps it here for a retry.
    key_free_at_end = models.BooleanField(default=False, db_default=False)
    freed_key = models.TextField(null=True, blank=True)  # noqa: DJ001 - as key
    tenant = models.TextField(default="", blank=True, db_default="")
    # A tenant's run whose wait is over has been put in its lane (store/lanes.py).
    woken = models.BooleanField(default=False, db_default=False)
    # It has held or asked for a slot or a moment of a limit (models/limit.py).
    limited = models.BooleanField(default=False, db_default=False)
    # It waits for the pool of its next step, and is due there then; wake_at says when it is due in its own.
    step_pool = models.TextField(default="", blank=True, db_default="")
    step_due_at = models.DateTimeField(null=True, blank=True)
    parent = models.ForeignKey(
        "self", models.CASCADE, null=True, blank=True, related_name="children", db_index=False
    )
    parent_position = models.IntegerField(null=True, blank=True)
    detached = models.BooleanField(default=False, db_default=False)
    undo_on_cancel = models.BooleanField(default=False, db_default=False)
    chain_id = models.UUIDField(null=True, blank=True)
    continued_as = models.UUIDField(null=True, blank=True)
    # No foreign key: it stays when the other run is pruned.
    forked_from = models.UUIDField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=ClockTimestamp())
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = RunManager()

    class Meta:
        constraints = [
            UniqueConstraint(
                fields=["workflow", "key"], condition=Q(key__isnull=False), name="run_key_once"
            ),
            CheckConstraint(condition=Q(state__in=RunState.values), name="run_state_known"),
            UniqueConstraint(
                fields=["workflow", "subject"],
                condition=Q(one_per_subject=True) & ~Q(state__in=sorted(FINAL_STATES)),
                name="run_one_per_subject",
            ),
        ]
        indexes = [
            # store/queue.py, claim_run and look_ahead: what is due next of each workflow. Read
            # backwards: the highest priority first, and in it what has been due longest.
            Index(
                fields=["priority", "workflow", "version", "-wake_at"],
                condition=Q(wake_at__isnull=False),
                name="run_turn_idx",
            ),
            # store/queue.py: as run_turn_idx, for runs that wait for the pool of a step. They stand in none
            # of the others, so that their number costs nobody else anything.
            Index(
                fields=["step_pool", "priority", "workflow", "version", "-step_due_at"],
                condition=Q(step_due_at__isnull=False, state__in=sorted(DUE_STATES)),
                name="run_step_pool_idx",
            ),
            # store/lanes.py: the runs of each tenant that are due. Those that sleep are in none: there
            # are many, and a turn would pass them one by one.
            Index(
                fields=["priority", "tenant", "workflow", "version", "-wake_at"],
                condition=~Q(tenant="")
                & Q(wake_at__isnull=False)
                & (Q(state=RunState.PENDING) | Q(woken=True)),
                name="run_lane_idx",
            ),
            # store/lanes.py: those whose wait is over next.
            Index(
                fields=["wake_at"],
                condition=~Q(tenant="")
                & Q(woken=False, state__in=sorted(DUE_STATES - {RunState.PENDING})),
                name="run_asleep_idx",
            ),
            # store/missing_code.py: what has been due longest, of any workflow. An older release
            # claims by it.
            Index(
                fields=["wake_at"],
                condition=Q(state__in=sorted(DUE_STATES)),
                name="run_due_idx",
            ),
            # store/workers.py, sweep: runs whose worker is gone.
            Index(
                fields=["lease_until"],
                condition=Q(state__in=sorted(HELD_STATES)),
                name="run_held_idx",
            ),
            # store/children.py: a parent's children; the trigger that tells it of their end.
            Index(fields=["parent"], condition=Q(parent__isnull=False), name="run_children_idx"),
            # api.list_runs(attributes=...).
            GinIndex(
                fields=["attributes"],
                opclasses=["jsonb_path_ops"],
                condition=~Q(attributes={}),
                name="run_attributes_idx",
            ),
            # store/chains.py: the run that a chain has come to; store/prune.py: all of a chain.
            Index(
                fields=["chain_id", "continued_as"],
                condition=Q(chain_id__isnull=False),
                name="run_chain_idx",
            ),
            # store/prune.py: families that have ended, by the end of their newest run.
            Index(
                fields=["workflow", "state", "finished_at"],
                condition=Q(
                    state__in=sorted(FINAL_STATES), parent__isnull=True, continued_as__isnull=True
                ),
                name="run_ended_idx",
            ),
            # api.list_runs(error_kind=...).
            Index(
                KeyTransform("kind", "error"),
                models.F("created_at").desc(),
                condition=Q(error__isnull=False),
                name="run_error_idx",
            ),
            # api.list_runs and the admin: newest first.
            Index(fields=["-created_at"], name="run_newest_idx"),
            # api.list_runs by workflow, newest first.
            Index(fields=["workflow", "-created_at"], name="run_workflow_idx"),
            # api.list_runs by the states and errors of runs that need somebody.
            Index(
                fields=["state", "-created_at"],
                condition=Q(state__in=TROUBLED_STATES),
                name="run_troubled_idx",
            ),
            # store/overview.py: how many are paused.
            Index(
                fields=["workflow", "-created_at"],
                condition=Q(state=RunState.PAUSED),
                name="run_paused_idx",
            ),
            Index(
                fields=["-created_at"], condition=Q(error__isnull=False), name="run_any_error_idx"
            ),
            # api.list_runs by what only some runs have. A run that has none of it costs nothing here.
            Index(fields=["owner", "-created_at"], condition=~Q(owner=""), name="run_owner_idx"),
            Index(
                fields=["subject", "-created_at"], condition=~Q(subject=""), name="run_subject_idx"
            ),
            GinIndex(fields=["tags"], condition=~Q(tags=[]), name="run_tags_idx"),
        ]

    def __str__(self) -> str:
        return f"{self.workflow} {self.id}"
