"""manage.py workflows_reencrypt: let all that runs have kept be encrypted with the newest key, or with none."""

import time
from collections import Counter
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from workflows.api import InvalidInput
from workflows.engine.reencrypt import Progress, reencrypt, writing_key

SAY_EVERY_SECONDS = 5.0


class Command(BaseCommand):
    """Batches with rests between them, so that starts and drives go on beside it."""

    help = "Encrypt what runs keep, ended ones too, with the key that encrypts now; or decrypt it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--dry-run", action="store_true", help="only count what would be written"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            key = writing_key()
            tables = self._reencrypt(options["dry_run"])
        except (InvalidInput, ImproperlyConfigured) as exc:
            raise CommandError(str(exc)) from None
        told = f"encrypted with key {key!r}" if key else "decrypted"
        told = f"would be {told}" if options["dry_run"] else told
        for table in tables:
            self.stdout.write(f"{table.table}: {table.written:,} of {table.seen:,} {told}")
        _refuse_what_is_left(tables)

    def _reencrypt(self, dry_run: bool) -> list[Progress]:
        tables: dict[str, Progress] = {}
        began = said_at = time.monotonic()
        for progress in reencrypt(dry_run=dry_run):
            tables[progress.table] = progress
            now = time.monotonic()
            if now - said_at >= SAY_EVERY_SECONDS:
                said_at = now
                self.stdout.write(
                    f"… {progress.table}: {progress.seen:,} of {progress.total:,} looked at, "
                    f"{progress.written:,} written"
                )
            if not dry_run:
                time.sleep(now - began)  # half of the time is for others
            began = time.monotonic()
        return list(tables.values())


def _refuse_what_is_left(tables: list[Progress]) -> None:
    missing = sum((table.unreadable for table in tables), Counter[str]())
    told = [
        f"{count:,} rows need key {key!r}, which is not here or is another one"
        for key, count in sorted(missing.items())
    ]
    busy = sum(table.busy for table in tables)
    if busy:
        told.append(f"others were at {busy:,} rows: call it again")
    if told:
        raise CommandError("; ".join(told) + "; these stay as they were")
