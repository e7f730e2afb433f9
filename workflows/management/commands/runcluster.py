"""manage.py runcluster: the processes that drive runs."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from workflows.cluster.process import run_cluster
from workflows.q_cluster import own_cluster


class Command(BaseCommand):
    """Runs until SIGTERM; any number of them may run on any number of hosts."""

    help = "Drive workflow runs: a django-q2 cluster whose queue is the run table."

    def handle(self, *args: Any, **options: Any) -> None:
        run_cluster(own_cluster(getattr(settings, "Q_CLUSTER", None)))
