"""By what people find a run again, and how often it may lose its worker.

All indexes but that of workflows hold only runs that have an owner, a subject or tags, or went wrong: they
cost other runs nothing. They are built while the old code goes on.
"""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("workflows", "0014_tenants")]

    operations = [
        migrations.AddField("run", "owner", models.TextField(blank=True, db_default="", default="")),
        migrations.AddField(
            "run",
            "tags",
            django.contrib.postgres.fields.ArrayField(
                base_field=models.TextField(), db_default=[], default=list, size=None
            ),
        ),
        migrations.AddField(
            "run", "subject", models.TextField(blank=True, db_default="", default="")
        ),
        migrations.AddField(
            "run", "max_crashes", models.PositiveIntegerField(blank=True, null=True)
        ),
        AddIndexConcurrently(
            "run", models.Index(fields=["workflow", "-created_at"], name="run_workflow_idx")
        ),
        AddIndexConcurrently(
            "run",
            models.Index(
                fields=["state", "-created_at"],
                condition=Q(state__in=["blocked", "cancelled", "compensated", "failed"]),
                name="run_troubled_idx",
            ),
        ),
        AddIndexConcurrently(
            "run",
            models.Index(
                fields=["-created_at"], condition=Q(error__isnull=False), name="run_error_idx"
            ),
        ),
        AddIndexConcurrently(
            "run",
            models.Index(
                fields=["owner", "-created_at"], condition=~Q(owner=""), name="run_owner_idx"
            ),
        ),
        AddIndexConcurrently(
            "run",
            models.Index(
                fields=["subject", "-created_at"], condition=~Q(subject=""), name="run_subject_idx"
            ),
        ),
        AddIndexConcurrently(
            "run",
            django.contrib.postgres.indexes.GinIndex(
                fields=["tags"], condition=~Q(tags=[]), name="run_tags_idx"
            ),
        ),
    ]
