"""An index in the order of the queue, so that runs without code here are passed over, not read."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("workflows", "0009_worker_code")]

    operations = [
        AddIndexConcurrently(
            "run",
            models.Index(
                fields=["priority", "workflow", "version", "-wake_at"],
                condition=models.Q(wake_at__isnull=False),
                name="run_turn_idx",
            ),
        ),
    ]
