"""manage.py runcluster: the processes that drive runs."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from workflows.cluster.process import run_cluster

BROKER = "workflows.cluster.broker.RunBroker"


class Command(BaseCommand):
    """Runs until SIGTERM; any number of them may run on any number of hosts."""

    help = "Drive workflow runs: a django-q2 cluster whose queue is the run table."

    def handle(self, *args: Any, **options: Any) -> None:
        if getattr(settings, "Q_CLUSTER", {}).get("broker_class") != BROKER:
            raise CommandError(
                f'set Q_CLUSTER["broker_class"] = "{BROKER}": without it django-q2 asks another queue'
            )
        run_cluster()
