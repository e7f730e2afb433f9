"""What a start needs before the site can serve, in one process to be quick."""

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection
from django.db.migrations.executor import MigrationExecutor


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
            call_command("seed_demo")
        else:
            call_command("collectstatic", verbosity=0, interactive=False)
