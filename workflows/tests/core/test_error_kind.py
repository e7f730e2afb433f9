"""Errors told apart by whoever is to do something about them."""

import pytest
from django.db import DatabaseError, IntegrityError, OperationalError

from workflows.core.error_kind import ErrorKind, kind_of
from workflows.core.errors import (
    ChildFailed,
    DeadlineExceeded,
    Permanent,
    ReplayMismatch,
    StepFailed,
    Transient,
    ValueNotStorable,
    WaitTimedOut,
)

_ = ErrorKind


class Refused(Exception):
    """Of one's own, and says what it is."""

    error_kind = ErrorKind.SYSTEM


class Lost(Exception):
    error_kind = ErrorKind.LOST_WORKER


class OwnKeyError(KeyError):
    """What somebody raises on purpose."""


def caused() -> Permanent:
    permanent = Permanent("in doubt")
    permanent.__cause__ = Lost()
    return permanent


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Permanent("no"), _.BUSINESS),
        (Transient("later"), _.TRANSIENT),
        (ConnectionResetError(), _.TRANSIENT),
        (TimeoutError(), _.TRANSIENT),
        (DeadlineExceeded(), _.TIME_LIMIT),
        (WaitTimedOut(), _.TIME_LIMIT),
        (caused(), _.LOST_WORKER),
        (KeyError("nmae"), _.PROGRAMMING),
        (ReplayMismatch(1, "a", "b"), _.PROGRAMMING),
        (ValueNotStorable("a set"), _.PROGRAMMING),
        (OperationalError("away"), _.SYSTEM),
        (MemoryError(), _.SYSTEM),
        (OSError(28, "No space left on device"), _.SYSTEM),
        (Refused(), _.SYSTEM),
        (StepFailed("pay", "Gone", "away", 3, kind="system"), _.SYSTEM),
        (ChildFailed("w", "1", "failed", "Gone", "away", "time_limit"), _.TIME_LIMIT),
        (StepFailed("pay", "Gone", "away", 3), _.BUSINESS),
        (ExceptionGroup("two", [Transient("later"), KeyError("nmae")]), _.PROGRAMMING),
        (ExceptionGroup("one", [ExceptionGroup("one", [Transient("later")])]), _.TRANSIENT),
    ],
)
def test_an_error_has_a_kind(error: BaseException, kind: ErrorKind) -> None:
    assert kind_of(error) == kind
    assert kind_of(error, ErrorKind.LOST_WORKER) == kind or not getattr(error, "kind", "?")


@pytest.mark.parametrize("error", [ValueError(), OwnKeyError(), IntegrityError(), DatabaseError()])
def test_a_class_that_nobody_knows_is_what_its_place_says(error: Exception) -> None:
    assert kind_of(error) == ErrorKind.BUSINESS
    assert kind_of(error, ErrorKind.TRANSIENT) == ErrorKind.TRANSIENT
