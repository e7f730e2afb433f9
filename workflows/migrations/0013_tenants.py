"""Tenants take turns: the lanes in which their runs stand that are due.

The indexes hold the runs that name a tenant, and are built beside the old code.
"""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

NAMED = ~models.Q(tenant="")


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("workflows", "0012_retention")]

    operations = [
        migrations.AddField("run", "tenant", models.TextField(default="", blank=True, db_default="")),
        migrations.AddField("run", "woken", models.BooleanField(default=False, db_default=False)),
        AddIndexConcurrently(
            "run",
            models.Index(
                fields=["priority", "tenant", "workflow", "version", "-wake_at"],
                condition=NAMED
                & models.Q(wake_at__isnull=False)
                & (models.Q(state="pending") | models.Q(woken=True)),
                name="run_lane_idx",
            ),
        ),
        AddIndexConcurrently(
            "run",
            models.Index(
                fields=["wake_at"],
                condition=NAMED & models.Q(woken=False, state__in=["compensating", "waiting"]),
                name="run_asleep_idx",
            ),
        ),
    ]
