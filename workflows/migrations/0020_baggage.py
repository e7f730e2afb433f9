"""What a run carries along for its children, steps and log lines. Runs of older releases carry nothing."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("workflows", "0019_cleanup")]

    operations = [
        migrations.AddField(
            model_name="run",
            name="baggage",
            field=models.JSONField(default=dict, db_default={}),
        ),
    ]
