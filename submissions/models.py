"""Boards with numbered slots, and the submissions that fill them."""

import uuid
from collections.abc import Iterable
from datetime import timedelta
from math import ceil
from typing import Any, Self
from urllib.parse import urlsplit

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Case, DurationField, ExpressionWrapper, F, Func, Q, Value, When
from django.db.models.functions import Now

from submissions.conf import LONGEST_RESERVATION_SECONDS, conf
from submissions.states import ACTIVE, FINISHED, MOVES, PUBLISHED_OR_NEAR, Category, Status
from submissions.usage import Usage
from submissions.waiting import Waiting

__all__ = ["Board", "Submission", "Usage", "Waiting"]

MOST_SLOTS = 500
"""A board is one page; more slots would make it slow to draw and impossible to read."""

LONGEST_REASON = 400


def default_reservation_seconds() -> int:
    return conf().reservation_seconds


OPEN_NOW = (Q(opens_at=None) | Q(opens_at__lte=Now())) & (
    Q(closes_at=None) | Q(closes_at__gt=Now())
)
"""By the database's clock, as every decision about time is."""


class BoardQuerySet(models.QuerySet["Board"]):
    def with_is_open(self) -> Self:
        """Add `is_open`, as seen by the database's clock."""
        flag = Case(When(OPEN_NOW, then=Value(True)), default=Value(False))
        return self.annotate(is_open=flag)

    def hold(self) -> "Board | None":
        """Return the one board that is asked for, locked until this commit, or None.

        Whoever takes or frees a slot locks it so, before all else. They share the lock and do not
        wait for each other; changes of its slots or hours, and people who join its waitlist, do.
        """
        sql, parameters = self.with_is_open().query.sql_with_params()
        for board in Board.objects.raw(f"{sql} FOR SHARE", parameters):
            return board
        return None

    def current_first(self) -> Self:
        """Open boards before closed ones, the newest first."""
        return self.with_is_open().order_by("-is_open", "-pk")


class Board(models.Model):
    slug = models.SlugField(unique=True, max_length=60)
    name = models.CharField(max_length=80)
    intro = models.TextField(blank=True, max_length=500)
    slots = models.PositiveSmallIntegerField(
        default=24,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_SLOTS)],
        help_text=f"How many slots the board has, numbered from 1; {MOST_SLOTS} at most.",
    )
    reservation_seconds = models.PositiveIntegerField(
        default=default_reservation_seconds,
        validators=[MinValueValidator(1), MaxValueValidator(LONGEST_RESERVATION_SECONDS)],
        help_text="How long a slot is held for its details. Running countdowns keep theirs.",
    )
    opens_at = models.DateTimeField(null=True, blank=True, help_text="Empty: open at once.")
    closes_at = models.DateTimeField(null=True, blank=True, help_text="Empty: never closes.")
    needs_moderator = models.BooleanField(
        default=False, help_text="Wait for a moderator's decision after the link check."
    )

    slots_per_maker = models.PositiveSmallIntegerField(
        default=3,
        db_default=3,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_SLOTS)],
        help_text="How many slots one maker may hold at a time: reserved, in review or approved.",
    )

    objects = BoardQuerySet.as_manager()

    is_open: bool
    """Only after with_is_open()."""

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(slots__gte=1, slots__lte=MOST_SLOTS), name="board_slots_in_range"
            ),
            models.CheckConstraint(
                condition=Q(slots_per_maker__gte=1), name="board_slots_per_maker_at_least_1"
            ),
            models.CheckConstraint(
                condition=Q(
                    reservation_seconds__gte=1, reservation_seconds__lte=LONGEST_RESERVATION_SECONDS
                ),
                name="board_window_in_range",
            ),
            models.CheckConstraint(
                condition=Q(opens_at=None) | Q(closes_at=None) | Q(closes_at__gt=F("opens_at")),
                name="board_closes_after_it_opens",
                violation_error_message="The board must close after it opens.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


SHOWN_ON_BOARD = (
    "id",
    "slot",
    "maker",
    "status",
    "name",
    "tagline",
    "slug",
    "link_checked_at",
    "reserved_at",
    "expires_at",
)
"""The columns of a submission that its cell is made of."""


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
            # The directory: newest first, of a category, by name. The words that it is searched by have
            # an index of their own (migration 0006).
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
