"""manage.py runcluster: the processes that drive runs."""

from difflib import get_close_matches
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS, connections

from workflows.cluster.process import run_cluster
from workflows.core.pool import DEFAULT_POOL
from workflows.engine.served_code import (
    code_here,
    count_steps_here,
    known_pools,
    serve,
    served_pools,
)
from workflows.q_cluster import own_cluster

THE_ENGINES_OWN = "workflows."
"""How the names of the engine's own workflows begin (an action outside of a workflow is one)."""


class Command(BaseCommand):
    """Runs until SIGTERM; any number of them may run on any number of hosts."""

    help = "Drive workflow runs: a django-q2 cluster whose queue is the run table."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--pool",
            action="append",
            help="Drive the runs and steps of this pool only. Give it again for another. "
            'Without it: WORKFLOWS["pools"].',
        )

    def handle(self, *args: Any, **options: Any) -> None:
        serve(options["pool"])
        _refuse_unknown_pools()
        cluster = own_cluster(getattr(settings, "Q_CLUSTER", None))
        if options["verbosity"]:
            self.stdout.write(self._beginning(cluster["workers"]))
            self.stdout.flush()  # a file or a pipe would show it at the end only
        run_cluster(cluster)

    def _beginning(self, workers: int) -> str:
        """Return what the cluster starts with: a forgotten flows.py or a wrong database shows here."""
        workflows = len(
            {name for name in code_here().names if not name.startswith(THE_ENGINES_OWN)}
        )
        database = connections[DEFAULT_DB_ALIAS].settings_dict["NAME"]
        pools = ", ".join(served_pools())
        serving = "" if pools == DEFAULT_POOL else f"pools {pools}, "
        steps = count_steps_here()
        theirs = f"steps {steps}, " if steps else ""
        return (
            f"A cluster starts: workers {workers}, {serving}workflows {workflows}, {theirs}"
            f"database {database!r}. Ctrl-C stops it."
        )


def _refuse_unknown_pools() -> None:
    known = known_pools()
    for pool in served_pools():
        if pool not in known:
            near = get_close_matches(pool, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(sorted(known))}"
            raise CommandError(f"no workflow and no step is of the pool {pool!r}; {hint}")
