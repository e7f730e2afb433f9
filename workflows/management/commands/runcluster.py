"""manage.py runcluster: the processes that drive runs."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import DEFAULT_DB_ALIAS, connections

from workflows.cluster.process import run_cluster
from workflows.definitions.workflow import known_code
from workflows.q_cluster import own_cluster

THE_ENGINES_OWN = "workflows."
"""How the names of the engine's own workflows begin (an action outside of a workflow is one)."""


class Command(BaseCommand):
    """Runs until SIGTERM; any number of them may run on any number of hosts."""

    help = "Drive workflow runs: a django-q2 cluster whose queue is the run table."

    def handle(self, *args: Any, **options: Any) -> None:
        cluster = own_cluster(getattr(settings, "Q_CLUSTER", None))
        if options["verbosity"]:
            self.stdout.write(self._beginning(cluster["workers"]))
            self.stdout.flush()  # a file or a pipe would show it at the end only
        run_cluster(cluster)

    def _beginning(self, workers: int) -> str:
        """Return what the cluster starts with: a forgotten flows.py or a wrong database shows here."""
        workflows = len({name for name in known_code()[0] if not name.startswith(THE_ENGINES_OWN)})
        database = connections[DEFAULT_DB_ALIAS].settings_dict["NAME"]
        return (
            f"A cluster starts: workers {workers}, workflows {workflows}, database {database!r}. "
            "Ctrl-C stops it."
        )
