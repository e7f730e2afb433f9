"""A run that is tried again counts the tries before it. Older releases start none, and leave the 0."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("workflows", "0027_event_senders")]

    operations = [
        migrations.AddField("run", "failed_tries", models.IntegerField(default=0, db_default=0)),
    ]
