"""A run that was cancelled ends as such once its cleanup is done: one more move. Older releases never ask for it."""

import importlib

from django.db import migrations

_rules = importlib.import_module("workflows.migrations.0004_rules_for_compensation_and_children")
_steering = importlib.import_module("workflows.migrations.0014_steering")

MOVES = _steering.MOVES + ", 'compensating>cancelled'"


class Migration(migrations.Migration):
    dependencies = [("workflows", "0018_start_windows")]

    operations = [
        migrations.RunSQL(_rules.move_trigger(MOVES), _rules.move_trigger(_steering.MOVES)),
    ]
