"""Of which run a run was forked: null for all that there are, so the old code goes on beside it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("workflows", "0021_brief_conditions")]

    operations = [
        migrations.AddField("run", "forked_from", models.UUIDField(null=True, blank=True)),
    ]
