"""manage.py workflows_replay: does the code at hand still fit the runs that go on?"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from workflows import api
from workflows.engine.archive import is_archive, read_archive


class Command(BaseCommand):
    """The deploy guard: run --check with the new code against the live database."""

    help = "Replay histories against the code at hand, or export one. Nothing new happens."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="every open run; exit code 1 on any difference"
        )
        parser.add_argument("--export", metavar="RUN", help="print a run's history as JSON")
        parser.add_argument(
            "files",
            nargs="*",
            help="exported histories or archives (.jsonl…) to replay, or folders of histories",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["export"]:
            self._export(options["export"])
            return
        if not options["check"] and not options["files"]:
            raise CommandError("say --check, --export RUN, or name exported histories")
        found = [each for file in _files(options["files"]) for each in _replay(file)]
        if options["check"]:
            found += api.replay_open_runs()
        differences = [each for each in found if each is not None]
        for difference in differences:
            self.stderr.write(str(difference))
        if differences:
            self.stderr.write(f"{len(differences)} runs do not fit this code")
            sys.exit(1)
        self.stdout.write("every history fits this code")

    def _export(self, run: str) -> None:
        try:
            exported = api.export_history(UUID(run))
        except (ValueError, api.RunNotFound):
            raise CommandError(f"there is no run {run}") from None
        self.stdout.write(json.dumps(exported, indent=1))


def _files(named: list[str]) -> Iterator[Path]:
    for each in map(Path, named):
        found = sorted(each.glob("*.json")) if each.is_dir() else [each]
        if not found:
            raise CommandError(f"{each}: there is no history (*.json) in this folder")
        yield from found


def _replay(file: Path) -> Iterator[api.Difference | None]:
    try:
        for exported in read_archive(file) if is_archive(file) else [json.loads(file.read_text())]:
            yield api.replay_history(exported)
    except (OSError, EOFError, ValueError, RecursionError, api.WorkflowError) as exc:
        raise CommandError(f"{file}: {exc}") from None
