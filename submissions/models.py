"""The submissions that fill the boards' slots; all of the product's tables are imported from here."""

import uuid
from collections.abc import Iterable
from datetime import timedelta
from math import ceil
from typing import Any, Self
from urllib.parse import urlsplit

from django.conf import settings
from django.db import models
from django.db.models import DurationField, ExpressionWrapper, F, Func, Q
from django.db.models.functions import Now

from submissions.board import MOST_SLOTS, Board, default_reservation_seconds
from submissions.states import ACTIVE, FINISHED, MOVES, PUBLISHED_OR_NEAR, Category, Status
from submissions.usage import Usage
from submissions.waiting import Waiting

# Migration 0001 asks here for the board's default.
__all__ = [
    "MOST_SLOTS",
    "Board",
    "Submission",
    "Usage",
    "Waiting",
    "default_reservation_seconds",
]

LONGEST_REASON = 400
LONGEST_APPEAL = 300

SHOWN_ON_BOARD = (
    "id",
    "slot",
    "maker",
    "status",
    "name",
    "tagline",
    "slug",
    "link_checked_at",
    "appeal_until",
    "appealed_at",
    "reserved_at",
    "expires_at",
)
"""The columns of a submission that its cell is made of."""

WAITING_FOR_A_DECISION = Q(status=Status.IN_REVIEW) & (
    (Q(link_checked_at__isnull=False) & (Q(appeal_until=None) | Q(appealed_at__isnull=False)))
    | Q(run_id=None)
)
"""Its link check has ended, and its maker need not ask any more; or it has no run that checks it."""


class SubmissionQuerySet(models.QuerySet["Submission"]):
    def active(self) -> Self:
        return self.filter(status__in=ACTIVE)

    def holding(self) -> Self:
        """Those that hold their slot now: active, and not past the window's end."""
        return self.active().exclude(status=Status.PENDING, expires_at__lte=Now())

    def overdue(self) -> Self:
        """Reservations past their window that the cluster has not closed yet."""
        return self.filter(status=Status.PENDING, expires_at__lte=Now())

    def waiting_for_a_verdict(self) -> Self:
        """Those whose link check has not ended."""
        return self.filter(status=Status.IN_REVIEW, link_checked_at=None)

    def waiting_for_a_decision(self) -> Self:
        """Those about which only a moderator decides now."""
        return self.filter(WAITING_FOR_A_DECISION)

    def approved(self) -> Self:
        return self.filter(status=Status.APPROVED)

    def with_time_left(self) -> Self:
        """Add `time_left` until the window closes, by the database's clock."""
        left = ExpressionWrapper(F("expires_at") - Now(), output_field=DurationField())
        return self.annotate(time_left=left)

    def with_row_version(self) -> Self:
        """Add `row_version`: another one as soon as anything differs that the board shows."""
        version = Func(
            *[F(column) for column in SHOWN_ON_BOARD],
            template="hash_record_extended(ROW(%(expressions)s), 0)",
            output_field=models.BigIntegerField(),
        )
        return self.annotate(row_version=version)

    def move(self, pk: uuid.UUID, olds: Iterable[Status], new: Status, **changes: Any) -> bool:
        """Take one submission from one of `olds` to `new`; False if someone else moved it first."""
        olds = tuple(olds)
        illegal = [old.value for old in olds if new not in MOVES[old]]
        if illegal:
            raise ValueError(f"a submission that is {illegal[0]} cannot become {new.value}")
        return self.filter(pk=pk, status__in=olds).update(status=new, **changes) == 1


class Submission(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    board = models.ForeignKey(Board, on_delete=models.PROTECT, related_name="submissions")
    slot = models.PositiveSmallIntegerField()
    # No index of its own: submission_maker_idx begins with it.
    maker = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="submissions",
        db_index=False,
    )
    seat = models.PositiveSmallIntegerField(null=True, editable=False)
    """Which of the maker's seats on the board it takes: 1 to as many as the board gives to one.

    Nobody takes a seat twice, so nobody holds more. None: older than this rule; it counts too.
    """
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    reason = models.CharField(max_length=LONGEST_REASON, blank=True)
    reason_code = models.CharField(max_length=20, blank=True)
    link_note = models.CharField(max_length=LONGEST_REASON, blank=True, default="", db_default="")
    """What the link check found, for moderators only; empty where the link works."""

    name = models.CharField(max_length=60, blank=True)
    link = models.CharField(max_length=2048, blank=True)
    link_key = models.CharField(max_length=64, blank=True)
    """A digest of the normalised link: equal links have equal keys, however long they are."""
    tagline = models.CharField(max_length=80, blank=True)
    description = models.TextField(max_length=1000, blank=True)
    category = models.CharField(max_length=10, choices=Category.choices, blank=True)
    slug = models.SlugField(max_length=80, blank=True)
    draft = models.JSONField(default=dict, blank=True)
    """What was typed and not accepted, or carried over from an earlier submission."""

    offered = models.BooleanField(default=False, db_default=False, editable=False)
    """Reserved for the first of the waitlist when the slot fell free."""
    extended = models.BooleanField(default=False, db_default=False, editable=False)
    """A moderator doubled the time for its details; that is possible once."""
    appeal_until = models.DateTimeField(null=True, blank=True, editable=False)
    """Until when the maker may ask a moderator to look, after a failed link check."""
    appealed_at = models.DateTimeField(null=True, blank=True, editable=False)
    appeal = models.CharField(
        max_length=LONGEST_APPEAL, blank=True, default="", db_default="", editable=False
    )
    """What the maker said when they asked."""
    recheck_run_id = models.UUIDField(null=True, blank=True, editable=False)
    """The run that looked at the link last because a moderator asked for it."""

    idempotency_key = models.CharField(max_length=200, blank=True)
    carried_from = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True)
    run_id = models.UUIDField(null=True, blank=True)

    reserved_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    details_at = models.DateTimeField(null=True, blank=True)
    link_checked_at = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)

    objects = SubmissionQuerySet.as_manager()

    time_left: timedelta
    """Only after with_time_left()."""
    row_version: int
    """Only after with_row_version()."""

    class Meta:
        ordering = ["-reserved_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["board", "slot"],
                condition=Q(status__in=ACTIVE),
                name="one_active_submission_per_slot",
            ),
            models.UniqueConstraint(
                fields=["board", "maker"],
                condition=Q(status=Status.PENDING),
                name="one_open_reservation_per_person",
            ),
            models.UniqueConstraint(
                fields=["board", "maker", "seat"],
                condition=Q(status__in=ACTIVE, seat__isnull=False),
                name="one_active_submission_per_seat",
            ),
            models.UniqueConstraint(
                fields=["board", "link_key"],
                condition=Q(status__in=PUBLISHED_OR_NEAR),
                name="one_active_link_per_board",
            ),
            models.UniqueConstraint(
                fields=["maker", "idempotency_key"],
                condition=~Q(idempotency_key=""),
                name="one_submission_per_idempotency_key",
            ),
            models.UniqueConstraint(
                fields=["slug"], condition=~Q(slug=""), name="one_tool_per_slug"
            ),
            models.CheckConstraint(condition=Q(slot__gte=1), name="submission_slot_at_least_1"),
            models.CheckConstraint(
                condition=Q(status__in=Status.values), name="submission_status_known"
            ),
            models.CheckConstraint(
                condition=~Q(status=Status.APPROVED) | ~Q(slug=""),
                name="submission_approved_has_slug",
            ),
        ]
        indexes = [
            # selectors.my_submissions, and the open reservation shown on every page.
            models.Index(fields=["maker", "-reserved_at"], name="submission_maker_idx"),
            # The admin's list: all of them, and those of a state. What it is searched by has indexes of
            # its own (migration 0007).
            models.Index(fields=["-reserved_at", "id"], name="submission_newest_idx"),
            models.Index(fields=["status", "-reserved_at", "id"], name="submission_state_idx"),
            # moderation_queue.queue: few of many.
            models.Index(
                fields=["details_at", "id"],
                condition=WAITING_FOR_A_DECISION,
                name="submission_queue_idx",
            ),
            # The directory: newest first, of a category, by name. The words that it is searched by have
            # an index of their own (migration 0005).
            models.Index(
                fields=["-decided_at"],
                condition=Q(status=Status.APPROVED),
                name="submission_tools_idx",
            ),
            models.Index(
                fields=["category", "-decided_at"],
                condition=Q(status=Status.APPROVED),
                name="submission_category_idx",
            ),
            models.Index(
                fields=["name", "id"],
                condition=Q(status=Status.APPROVED),
                name="submission_name_idx",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name or 'Slot'} ({self.slot}, {self.status})"

    @property
    def state_label(self) -> str:
        return Status(self.status).label

    @property
    def may_be_appealed(self) -> bool:
        """Say whether its maker is asked whether a moderator shall look."""
        is_in_review = self.status == Status.IN_REVIEW
        return is_in_review and self.appeal_until is not None and self.appealed_at is None

    @property
    def waits_for_a_moderator(self) -> bool:
        """Say whether the link check has ended and left the decision to a person."""
        has_verdict = self.status == Status.IN_REVIEW and self.link_checked_at is not None
        return has_verdict and not self.may_be_appealed

    @property
    def is_over(self) -> bool:
        return self.status in FINISHED

    @property
    def link_host(self) -> str:
        return urlsplit(self.link).hostname or ""

    @property
    def reservation_seconds(self) -> int:
        """How long the slot was held for the details, in seconds."""
        return round((self.expires_at - self.reserved_at).total_seconds())

    @property
    def seconds_left(self) -> int:
        """Whole seconds until the window closes, at the moment of reading; never negative."""
        return max(0, ceil(self.time_left.total_seconds()))

    @property
    def typed(self) -> dict[str, str]:
        """What the maker last typed: the draft, or the details as accepted."""
        return self.draft or {field: value for field, value in self.sent.items() if value}

    @property
    def sent(self) -> dict[str, str]:
        """The details as accepted, the fields that were left empty too."""
        return {field: getattr(self, field) for field in TYPED_FIELDS}


TYPED_FIELDS = ("name", "category", "link", "tagline", "description")
