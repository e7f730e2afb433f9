"""Fill the demo: a board with slots in every state, two makers and an admin."""

import json
import secrets
from datetime import datetime, timedelta
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from submissions.demo import ACCOUNTS, APPROVED, BOARD, EXTRAS, IN_REVIEW, RESERVED, SLUG, DemoTool
from submissions.details import Details
from submissions.models import Board, Submission
from submissions.services.reserve_slot import reserve_slot
from submissions.states import Status

PASSWORD_BYTES = 12


class Command(BaseCommand):
    help = "Make the demo board and its accounts, once. Prints the passwords of new accounts."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print the new accounts as JSON")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEMO:
            raise CommandError("seed_demo works in the demo only; set TOOLSITE_DEBUG=1 for it.")
        accounts = [
            {"email": address(name), "password": password}
            for name in ACCOUNTS
            if (password := make_account(name))
        ]
        if not Board.objects.filter(slug=SLUG).exists():
            fill_board()
        if options["json"]:
            self.stdout.write(json.dumps({"accounts": accounts}))
        else:
            for account in accounts:
                self.stdout.write(f"{account['email']}  {account['password']}")


def address(name: str) -> str:
    return f"{name}@example.com"


def make_account(name: str) -> str:
    """Make an account that can sign in; returns its password, "" where it is there already."""
    if User.objects.filter(username=name).exists():
        return ""
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    make = User.objects.create_superuser if name == "admin" else User.objects.create_user
    user = make(name, address(name), password)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return password


def fill_board() -> None:
    board = Board.objects.create(slug=SLUG, **BOARD)
    makers = {name: find_maker(name) for name in (*ACCOUNTS, *EXTRAS)}
    now = timezone.now()
    rows = [approved_row(board, makers[tool.maker], tool, now) for tool in APPROVED]
    rows += [review_row(board, makers[tool.maker], tool, now) for tool in IN_REVIEW]
    Submission.objects.bulk_create(rows)
    for slot, (maker, seconds) in RESERVED.items():
        reserve_slot(maker=makers[maker], board_slug=SLUG, slot=slot, reservation_seconds=seconds)


def find_maker(name: str) -> User:
    user, made = User.objects.get_or_create(username=name, defaults={"email": address(name)})
    if made:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    return user


def approved_row(board: Board, maker: User, tool: DemoTool, now: datetime) -> Submission:
    """Return a tool published some days ago; the higher its slot, the later."""
    row = sent_row(board, maker, tool, now - timedelta(days=25 - tool.slot))
    row.status, row.slug = Status.APPROVED, slugify(tool.name)
    row.decided_at = row.link_checked_at
    return row


def review_row(board: Board, maker: User, tool: DemoTool, now: datetime) -> Submission:
    """Return a tool whose link is being checked.

    It has no run: a run would ask the network for a page that does not exist. So it stands among what
    waits for a moderator's decision.
    """
    row = sent_row(board, maker, tool, now - timedelta(minutes=tool.slot))
    row.status, row.link_checked_at = Status.IN_REVIEW, None
    return row


def sent_row(board: Board, maker: User, tool: DemoTool, at: datetime) -> Submission:
    details = Details(
        name=tool.name,
        category=tool.category,
        link=tool.link,
        tagline=tool.tagline,
        description=tool.description,
    )
    window = timedelta(seconds=board.reservation_seconds)
    return Submission(
        board=board,
        slot=tool.slot,
        maker=maker,
        link_key=details.link_key,
        reserved_at=at,
        expires_at=at + window,
        details_at=at + window / 2,
        link_checked_at=at + window / 2 + timedelta(seconds=2),
        **vars(details),
    )
