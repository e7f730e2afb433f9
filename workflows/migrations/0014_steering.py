"""What steering needs: how often a run was retried, the moves of a retry, paused runs, errors by their kind.

A run that is to pause does so wherever it is let go of, also by an older release: a trigger turns it aside,
and keeps the time at which it would be due.

The index is built beside the old code. A build that is cut short leaves an invalid index of its name: drop
it, then migrate again.
"""

import importlib

from django.contrib.postgres.operations import (
    AddConstraintNotValid,
    AddIndexConcurrently,
    ValidateConstraint,
)
from django.db import migrations, models
from django.db.models.fields.json import KeyTransform

_rules = importlib.import_module("workflows.migrations.0004_rules_for_compensation_and_children")

MOVES = (
    _rules.MOVES
    + """,
    'failed>pending', 'cancelled>pending',
    'pending>paused', 'running>paused', 'waiting>paused',
    'paused>pending', 'paused>waiting', 'paused>cancelled', 'paused>compensating'
"""
)


# Behind run_moves, by its name: that sees the move which the statement asked for.
PAUSE = """
CREATE FUNCTION workflows_pause_run() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.state := 'paused';
    NEW.due_at_resume := NEW.wake_at;
    NEW.wake_at := NULL;
    RETURN NEW;
END $$;

CREATE TRIGGER run_paused BEFORE UPDATE OF state ON workflows_run FOR EACH ROW
WHEN (NEW.pausing AND NEW.state IN ('pending', 'waiting'))
EXECUTE FUNCTION workflows_pause_run();
"""
NO_PAUSE = """
DROP TRIGGER run_paused ON workflows_run;
DROP FUNCTION workflows_pause_run();
"""
ORDER = ["pending", "running", "waiting", "paused", "blocked", "completed", "failed"]
ORDER += ["cancelling", "cancelled", "compensating", "compensated"]


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("workflows", "0013_tenants")]

    operations = [
        migrations.AddField(
            "run", "retries", models.PositiveIntegerField(default=0, db_default=0)
        ),
        migrations.AddField(
            "run", "pausing", models.BooleanField(default=False, db_default=False)
        ),
        migrations.AddField("run", "due_at_resume", models.DateTimeField(null=True, blank=True)),
        migrations.AlterField(
            "run",
            "state",
            models.TextField(
                choices=[(each, each.capitalize()) for each in ORDER], default="pending"
            ),
        ),
        migrations.RemoveConstraint("run", "run_state_known"),
        AddConstraintNotValid(
            "run",
            models.CheckConstraint(
                condition=models.Q(state__in=ORDER), name="run_state_known"
            ),
        ),
        ValidateConstraint("run", "run_state_known"),
        migrations.RunSQL(PAUSE, NO_PAUSE),
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
