"""What steering needs: how often a run was retried, and the moves of a retry."""

import importlib

from django.db import migrations, models

_rules = importlib.import_module("workflows.migrations.0004_rules_for_compensation_and_children")

MOVES = (
    _rules.MOVES
    + """,
    'failed>pending', 'cancelled>pending'
"""
)


class Migration(migrations.Migration):
    dependencies = [("workflows", "0014_tenants")]

    operations = [
        migrations.AddField(
            "run", "retries", models.PositiveIntegerField(default=0, db_default=0)
        ),
        migrations.RunSQL(_rules.move_trigger(MOVES), _rules.move_trigger(_rules.MOVES)),
    ]
