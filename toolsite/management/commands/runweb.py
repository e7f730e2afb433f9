"""manage.py runweb: the web server."""

import os
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from toolsite.web.command import STOP_SECONDS, web_command


class Command(BaseCommand):
    """Becomes granian, whose main process restarts what dies and takes the signals."""

    help = "Serve the site: TOOLSITE_WEB_PROCESSES processes of TOOLSITE_WEB_THREADS threads."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="the address to listen on")
        parser.add_argument("--port", type=int, default=8000, help="the port (8000)")
        parser.add_argument(
            "--stop-seconds",
            type=int,
            default=STOP_SECONDS,
            help=f"how long a stop waits for what is under way ({STOP_SECONDS})",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Take granian's place: its signals and exit code are this command's."""
        command = web_command(
            host=options["host"],
            port=options["port"],
            processes=settings.WEB_PROCESSES,
            stop_seconds=options["stop_seconds"],
        )
        os.chdir(settings.BASE_DIR)  # where granian finds the code
        os.execv(command[0], command)  # noqa: S606  no shell is wanted
