"""Statistics: two tables of their own. Clusters of this release count; older ones know nothing of it. Paused runs
are found by an index, which costs only these."""

import django.contrib.postgres.fields
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("workflows", "0030_reencryption")]

    atomic = False

    operations = [
        AddIndexConcurrently(
            "run",
            models.Index(
                fields=["workflow", "-created_at"],
                condition=models.Q(state="paused"),
                name="run_paused_idx",
            ),
        ),
        migrations.CreateModel(
            "Statistic",
            [
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "grain",
                        "at",
                        "what",
                        "workflow",
                        "version",
                        "name",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("grain", models.IntegerField()),
                ("at", models.DateTimeField()),
                ("what", models.TextField()),
                ("workflow", models.TextField()),
                ("version", models.IntegerField()),
                ("name", models.TextField()),
                ("count", models.BigIntegerField()),
                ("seconds", models.FloatField()),
                (
                    "buckets",
                    django.contrib.postgres.fields.ArrayField(models.BigIntegerField()),
                ),
            ],
        ),
        migrations.CreateModel(
            "StatisticMark",
            [
                ("id", models.SmallIntegerField(primary_key=True, serialize=False)),
                ("line_id", models.BigIntegerField()),
                ("created_until", models.DateTimeField()),
                ("next_line_id", models.BigIntegerField(null=True)),
                ("next_created_until", models.DateTimeField(null=True)),
                ("next_transaction", models.BigIntegerField(null=True)),
            ],
        ),
    ]
