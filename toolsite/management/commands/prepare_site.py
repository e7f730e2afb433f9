"""What a start needs before the site can serve, in one process to be quick."""

import json
import os
from io import StringIO
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor

from ops.site import DEMO_ACCOUNTS


class Command(BaseCommand):
    """Migrates; fills the demo; in production, collects the static files."""

    help = "Bring the database up to date and make what the site needs to start."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what is not done yet."""
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            call_command("migrate", verbosity=0, interactive=False)
        if settings.DEMO:
            seed_demo()
        else:
            call_command("collectstatic", verbosity=0, interactive=False)


@transaction.atomic
def seed_demo() -> None:
    """Fill the demo once. Its passwords are on the disk before its accounts are committed."""
    said = StringIO()
    call_command("seed_demo", json=True, stdout=said)
    accounts = json.loads(said.getvalue())["accounts"]
    if accounts:
        lines = [f"  {account['email']}  {account['password']}" for account in accounts]
        keep_secret(settings.DATA_DIR / DEMO_ACCOUNTS, "\n".join(lines) + "\n")


def keep_secret(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    draft.replace(path)
