"""How urgent a run is, beside others that are due."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("workflows", "0005_run_defaults")]

    operations = [
        migrations.AddField("run", "priority", models.SmallIntegerField(default=0, db_default=0)),
    ]
