"""The table of boards: numbered slots, and the rules by which they are given."""

from typing import Self

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Now

from submissions.conf import LONGEST_RESERVATION_SECONDS, conf

MOST_SLOTS = 500
"""A board is one page; more slots would make it slow to draw and impossible to read."""

LONGEST_APPEAL_SECONDS = 14 * 24 * 3600


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

    appeal_seconds = models.PositiveIntegerField(
        default=0,
        db_default=0,
        validators=[MaxValueValidator(LONGEST_APPEAL_SECONDS)],
        help_text=(
            "How long a maker may ask a moderator to look after a failed link check, while the slot is "
            "held. 0: such a submission is rejected at once."
        ),
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
