"""People, boards and submissions of one journey; nobody meets them in another one."""

import itertools
from typing import Any

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import User
from django.db.models.functions import Now

from submissions.models import Board, Submission
from submissions.services.reserve_slot import reserve_slot
from submissions.services.send_details import send_details
from submissions.tests.builders import GOOD, good_details
from toolsite.tests.journeys.waiting import wait_until

PASSWORD = "correct-horse-7-battery"

numbers = itertools.count(1)


def somebody(name: str = "alice", **fields: Any) -> User:
    """Return a new person of this name, who can sign in with the PASSWORD."""
    who = f"{name}-{next(numbers)}"
    # The site's own way of keeping it: the tests' quick one is unknown there.
    kept = PBKDF2PasswordHasher().encode(PASSWORD, "salt", iterations=1000)
    user = User.objects.create(username=who, email=f"{who}@example.com", password=kept, **fields)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def moderator() -> User:
    return somebody("mona", is_staff=True, is_superuser=True)


def crowd(size: int) -> list[User]:
    """Return many people at once."""
    names = [f"guest-{next(numbers)}" for _ in range(size)]
    return User.objects.bulk_create(
        User(username=name, email=f"{name}@example.com", password="!") for name in names
    )


def new_board(**fields: Any) -> Board:
    """Return a new board; being the newest, it is the one on the first page."""
    number = next(numbers)
    slots = fields.get("slots", 6)
    plain = {"slots": slots, "slots_per_maker": slots, "reservation_seconds": 120}
    fields = {"name": f"Board {number}"} | plain | fields
    return Board.objects.create(slug=f"board-{number}", **fields)


def reserved(maker: User, board: Board, slot: int = 3) -> Submission:
    return reserve_slot(maker=maker, board_slug=board.slug, slot=slot)


def sent(maker: User, board: Board, link: str, slot: int = 3, **changes: str) -> Submission:
    """Return a submission whose details are in."""
    changes = {"link": link} | changes
    return send_details(
        maker=maker,
        submission_id=reserved(maker, board, slot).pk,
        details=good_details(**changes),
        typed=GOOD | changes,
    )


def published(maker: User, board: Board, slot: int = 5, **details: str) -> Submission:
    """Return an approved tool, without its history."""
    details = GOOD | {"slug": f"tool-{next(numbers)}"} | details
    return Submission.objects.create(
        board=board,
        slot=slot,
        maker=maker,
        status="approved",
        expires_at=Now(),
        details_at=Now(),
        decided_at=Now(),
        link_key=details["slug"],
        **details,
    )


def wait_for(submission: Submission, status: str, seconds: float = 15) -> Submission:
    """Wait until the cluster has brought the submission to this status."""

    def look() -> bool:
        submission.refresh_from_db()
        return submission.status == status

    wait_until(look, f"{submission.pk} to be {status}", seconds)
    return submission
