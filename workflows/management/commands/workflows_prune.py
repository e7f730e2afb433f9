"""manage.py workflows_prune: delete runs that ended long ago, archived first where you want that."""

import time
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from workflows.api import InvalidInput
from workflows.conf import conf
from workflows.core.retention import Rule, keep_all_for, read_rules, seconds_of
from workflows.engine import prune
from workflows.engine.archive import Archive

WIDTH = 30
SAY_EVERY_SECONDS = 5.0
"""In a pipe, where a line cannot be written over."""


class Progress:
    """How far it is: a bar on a terminal, a line now and then anywhere else."""

    def __init__(self, out: Any, total: int) -> None:
        self._out, self._total = out, total
        self._is_terminal = out.isatty()
        self._said_at = time.monotonic()

    def tell(self, families: int, runs: int) -> None:
        """Say that so many families were looked at, and so many runs are gone."""
        share = min(families / self._total, 1.0) if self._total else 1.0
        words = f"{families:,} of {self._total:,} families, {runs:,} runs"
        if self._is_terminal:
            bar = "#" * round(share * WIDTH)
            self._out.write(f"\r[{bar:<{WIDTH}}] {share:4.0%}  {words}", ending="")
            self._out.flush()
        elif time.monotonic() - self._said_at >= SAY_EVERY_SECONDS:
            self._said_at = time.monotonic()
            self._out.write(f"{share:.0%}: {words}")

    def end(self) -> None:
        """Leave the line of the bar."""
        if self._is_terminal:
            self._out.write("")


class Command(BaseCommand):
    """Batches with rests between them, so that starts and drives go on beside it."""

    help = "Delete runs that ended long ago: whole families and chains, never what is open."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--older-than",
            metavar="SPAN",
            help='every run that ended so long ago ("30d", "12h"); without it, what '
            'settings.WORKFLOWS["retention"] says',
        )
        parser.add_argument(
            "--archive",
            metavar="FILE",
            help="write each run to this new file before it is deleted: .jsonl.zst, .jsonl.gz or .jsonl",
        )
        parser.add_argument("--dry-run", action="store_true", help="only count what would go")

    def handle(self, *args: Any, **options: Any) -> None:
        rules, dry_run = _rules(options["older_than"]), options["dry_run"]
        try:
            file = options["archive"] if not dry_run else None
            with closing(Archive(Path(file))) if file else nullcontext() as archive:
                families, runs = self._prune(rules, archive, dry_run)
        except (InvalidInput, OSError) as exc:
            raise CommandError(f"{exc}; what was not archived is still there") from None
        told = "would be deleted" if dry_run else "deleted"
        self.stdout.write(f"{runs:,} runs {told}, of {families:,} families that are old enough")
        if not dry_run:
            while prune.forget_keys(older_than_seconds=seconds_of(conf().keep_keys)):
                pass

    def _prune(
        self, rules: tuple[Rule, ...], archive: Archive | None, dry_run: bool
    ) -> tuple[int, int]:
        progress = Progress(self.stdout, prune.count_families(rules))
        keep = None if archive is None else archive.write
        families = runs = 0
        began = time.monotonic()
        for batch in prune.prune(rules, keep=keep, dry_run=dry_run):
            families, runs = families + batch.families, runs + batch.runs
            progress.tell(families, runs)
            if not dry_run:
                time.sleep(time.monotonic() - began)  # half of the time is for others
            began = time.monotonic()
        progress.end()
        return families, runs


def _rules(older_than: str | None) -> tuple[Rule, ...]:
    try:
        if older_than is not None:
            return keep_all_for(seconds_of(older_than))
        rules = read_rules(conf().retention)
    except (ValueError, ImproperlyConfigured) as exc:
        raise CommandError(str(exc)) from None
    if not rules:
        raise CommandError(
            "nothing is said of how long runs are kept: give --older-than 30d, or set "
            'WORKFLOWS["retention"]'
        )
    return rules
