"""The states of a submission, the legal moves between them, and what a tool is for."""

from django.db.models import TextChoices


class Status(TextChoices):
    PENDING = "pending", "Reserved"
    """The slot is held; the details have not been sent yet."""
    IN_REVIEW = "in_review", "In review"
    """The details are here; the link check or a moderator decides next."""
    APPROVED = "approved", "Approved"
    """The tool is published in its slot."""
    REJECTED = "rejected", "Rejected"
    """The tool was refused; the slot is free again."""
    CANCELLED = "cancelled", "Cancelled"
    """The window closed, the maker gave the slot back, or a moderator released it."""


MOVES: dict[Status, frozenset[Status]] = {
    Status.PENDING: frozenset({Status.IN_REVIEW, Status.CANCELLED}),
    Status.IN_REVIEW: frozenset({Status.APPROVED, Status.REJECTED, Status.CANCELLED}),
    Status.APPROVED: frozenset({Status.CANCELLED}),
    Status.REJECTED: frozenset(),
    Status.CANCELLED: frozenset(),
}

ACTIVE = (Status.PENDING, Status.IN_REVIEW, Status.APPROVED)
"""A submission in one of these holds its slot."""

PUBLISHED_OR_NEAR = (Status.IN_REVIEW, Status.APPROVED)
"""A submission in one of these keeps its link to itself on the board."""

FINISHED = (Status.APPROVED, Status.REJECTED, Status.CANCELLED)
"""Nothing more happens by itself; only a moderator can still release an approved one."""


class Category(TextChoices):
    DATA = "data", "Data"
    DEVELOPER = "developer", "Developer"
    DESIGN = "design", "Design"
    FINANCE = "finance", "Finance"
    OPS = "ops", "Ops"
    RESEARCH = "research", "Research"
    WRITING = "writing", "Writing"
    OTHER = "other", "Other"


class Ended(TextChoices):
    """Why a submission ended, for code; `reason` holds the sentence for people."""

    EXPIRED = "expired", "The window closed before the details were sent"
    WITHDRAWN = "withdrawn", "The maker gave the slot back"
    RELEASED = "released", "A moderator released the slot"
    REFUSED = "refused", "A moderator rejected the tool"
    UNREACHABLE = "unreachable", "The link did not answer in any of the tries"
    BAD_LINK = "bad_link", "The link check found a fault that another try would not change"
