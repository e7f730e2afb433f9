"""Add a board: a fresh site has none, and its first page says so."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.text import slugify

from submissions.models import Board


class Command(BaseCommand):
    help = "Add a board that is open at once. The admin has the rest of its settings."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="what stands above the slots")
        parser.add_argument("--slug", default="", help="its address; made of the name if not given")
        parser.add_argument("--slots", type=int, default=24, help="how many slots (24)")
        parser.add_argument(
            "--needs-moderator", action="store_true", help="ask a moderator after the link check"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Check the board as the admin does, then add it. Raises CommandError."""
        board = Board(
            name=options["name"],
            slug=options["slug"] or slugify(options["name"]),
            slots=options["slots"],
            needs_moderator=options["needs_moderator"],
        )
        try:
            board.full_clean()
        except ValidationError as wrong:
            raise CommandError(in_one_line(wrong)) from None
        board.save()
        self.stdout.write(f"Added the board {board.name} at /boards/{board.slug}/.")


def in_one_line(wrong: ValidationError) -> str:
    return " ".join(
        f"{field}: {' '.join(messages)}" for field, messages in wrong.message_dict.items()
    )
