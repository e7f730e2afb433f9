"""What code each worker has, so that a run whose code nobody has can say so."""

from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("workflows", "0007_running_steps")]

    operations = [
        migrations.AddField(
            "worker", "workflows", ArrayField(models.TextField(), null=True, blank=True)
        ),
        migrations.AddField(
            "worker", "versions", ArrayField(models.PositiveIntegerField(), null=True, blank=True)
        ),
    ]
