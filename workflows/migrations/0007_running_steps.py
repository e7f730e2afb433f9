"""Which steps are under way, as the host of their worker has seen them; whose cluster a worker is."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("workflows", "0006_run_priority")]

    operations = [
        migrations.AddField("run", "running_steps", models.JSONField(null=True, blank=True)),
        migrations.AddField("worker", "cluster_pid", models.PositiveIntegerField(null=True)),
    ]
