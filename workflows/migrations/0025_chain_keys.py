"""The key of an event is known to the whole chain whose run has consumed it.

The column is empty in all rows; a run that goes on fills it for the events with a key that it leaves behind,
also for those that an older release has written. What runs of an older release leave behind stays unmarked:
their keys are known to those runs, as before. The index is built beside the old code; a build that is cut
short leaves an invalid index of its name: drop it, then migrate again.
"""

import django.contrib.postgres.operations
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("workflows", "0024_retried_runs")]

    operations = [
        migrations.AddField("event", "chain_id", models.UUIDField(null=True)),
        django.contrib.postgres.operations.AddIndexConcurrently(
            "event",
            models.Index(
                fields=["chain_id", "key"],
                condition=models.Q(chain_id__isnull=False),
                name="event_chain_idx",
            ),
        ),
    ]
