"""The defaults that a run began with, beside what its caller gave."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("workflows", "0004_rules_for_compensation_and_children")]

    operations = [
        migrations.AddField("run", "defaults", models.JSONField(default=dict, db_default={})),
    ]
