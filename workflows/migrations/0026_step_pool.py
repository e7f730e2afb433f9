"""Runs that wait for the pool of a step, and which pools a worker serves.

Such a run has no time to wake at but its deadline, so a worker of the older release, which looks for that
alone, leaves it alone. At the deadline it may take the run, and ends it; what it leaves in the columns wakes
the run once for nothing at most. Code whose steps name pools is not even loaded by that release.

The index is built beside the old code. A build that is cut short leaves an invalid index of its name: drop
it, then migrate again.
"""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("workflows", "0025_chain_keys")]

    operations = [
        migrations.AddField(
            "run", "step_pool", models.TextField(default="", blank=True, db_default="")
        ),
        migrations.AddField("run", "step_due_at", models.DateTimeField(null=True, blank=True)),
        migrations.AddField(
            "worker", "pools", ArrayField(models.TextField(), null=True, blank=True)
        ),
        migrations.AddField(
            "worker", "other_workflows", ArrayField(models.TextField(), null=True, blank=True)
        ),
        migrations.AddField(
            "worker",
            "other_versions",
            ArrayField(models.PositiveIntegerField(), null=True, blank=True),
        ),
        AddIndexConcurrently(
            "run",
            models.Index(
                fields=["step_pool", "priority", "workflow", "version", "-step_due_at"],
                condition=models.Q(
                    ("state__in", ["compensating", "pending", "waiting"]),
                    ("step_due_at__isnull", False),
                ),
                name="run_step_pool_idx",
            ),
        ),
    ]
