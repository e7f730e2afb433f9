"""Pages of submissions in an order, told by places instead of numbers."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import Q

from submissions.models import Submission, SubmissionQuerySet

BETWEEN = "~"
"""Stands in a place between what the order goes by and the id."""


@dataclass(frozen=True)
class Order:
    """One order of submissions, with the id where two are alike. Pages are told by the one they begin
    after, not by a number: PostgreSQL need not read what was before."""

    name: str
    field: str
    descends: bool = False
    is_time: bool = False

    def page(
        self, found: SubmissionQuerySet, after: str, before: str, size: int
    ) -> tuple[list[Submission], str, str]:
        """Return a page, and the places to go back from and on from; "": there is nothing there."""
        turn = self.read(before)
        place = turn or self.read(after)
        beyond = self.beyond(place, back=turn is not None) if place else Q()
        rows = found.filter(beyond).order_by(*self.keys(back=turn is not None))
        ones = list(rows[: size + 1])
        is_more, ones = len(ones) > size, ones[:size]
        if turn is not None:
            ones.reverse()
        if not ones:
            return [], "", ""
        has_newer = is_more if turn is not None else place is not None
        has_older = True if turn is not None else is_more
        first, last = self.place(ones[0]), self.place(ones[-1])
        return ones, first if has_newer else "", last if has_older else ""

    def keys(self, *, back: bool) -> tuple[str, str]:
        descends = self.descends is not back
        return f"-{self.field}" if descends else self.field, "-pk" if back else "pk"

    def beyond(self, place: tuple[Any, UUID], *, back: bool) -> Q:
        """Return the condition for what follows a place; as a range, so that an index serves it."""
        value, pk = place
        descends = self.descends is not back
        up_to = Q(**{f"{self.field}__{'lte' if descends else 'gte'}": value})
        seen = Q(**{self.field: value, f"pk__{'gte' if back else 'lte'}": pk})
        return up_to & ~seen

    def place(self, one: Submission) -> str:
        value = getattr(one, self.field)
        text = value.isoformat() if isinstance(value, datetime) else value
        return f"{text}{BETWEEN}{one.pk}"

    def read(self, text: str) -> tuple[Any, UUID] | None:
        """Return what a place stands for; None for a text that is none."""
        value, between, pk = text.replace("\0", "").rpartition(BETWEEN)
        try:
            if not between:
                return None
            # In UTC: a moment without a zone is none, and one before all years is none either.
            at = datetime.fromisoformat(value).astimezone(UTC) if self.is_time else None
            return at or value, UUID(pk)
        except (ValueError, OverflowError):
            return None
