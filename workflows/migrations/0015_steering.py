"""What steering needs: how often a run was retried, the moves of a retry, and errors by their kind.

The index is built beside the old code. A build that is cut short leaves an invalid index of its name: drop
it, then migrate again.
"""

import importlib

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models.fields.json import KeyTransform

_rules = importlib.import_module("workflows.migrations.0004_rules_for_compensation_and_children")

MOVES = (
    _rules.MOVES
    + """,
    'failed>pending', 'cancelled>pending'
"""
)


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("workflows", "0014_tenants")]

    operations = [
        migrations.AddField(
            "run", "retries", models.PositiveIntegerField(default=0, db_default=0)
        ),
        AddIndexConcurrently(
            "run",
            models.Index(
                KeyTransform("kind", "error"),
                models.F("created_at").desc(),
                condition=models.Q(error__isnull=False),
                name="run_error_idx",
            ),
        ),
        migrations.RunSQL(_rules.move_trigger(MOVES), _rules.move_trigger(_rules.MOVES)),
    ]
