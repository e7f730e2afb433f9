"""What pruning needs: indexes by which a family is found and deleted, and the keys of runs that are gone.

The indexes are built beside the old code, which goes on writing. A build that is cut short leaves an
invalid index of its name: drop it, then migrate again.

The trigger looks behind the insert, with a snapshot of its own: a start that waited for the deletion of
the run with its key is refused, and so is one of an older release, which does not know these keys.
"""

import django.contrib.postgres.operations
from django.db import migrations, models

import workflows.models.clock

KEYS = """
CREATE FUNCTION workflows_refuse_pruned_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM workflows_prunedkey
               WHERE workflow = NEW.workflow AND key = NEW.key) THEN
        RAISE EXCEPTION 'key % of % belongs to a run that has ended and was pruned',
            NEW.key, NEW.workflow
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'pruned_key_refused';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER pruned_key_refused AFTER INSERT ON workflows_run FOR EACH ROW
WHEN (NEW.key IS NOT NULL)
EXECUTE FUNCTION workflows_refuse_pruned_key();
"""

NO_KEYS = """
DROP TRIGGER pruned_key_refused ON workflows_run;
DROP FUNCTION workflows_refuse_pruned_key();
"""

FINAL = ["cancelled", "compensated", "completed", "failed"]


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("workflows", "0011_schedules")]

    operations = [
        django.contrib.postgres.operations.AddIndexConcurrently(
            "event", models.Index(fields=["run"], name="event_run_idx")
        ),
        django.contrib.postgres.operations.AddIndexConcurrently(
            "run",
            models.Index(
                fields=["chain_id", "continued_as"],
                condition=models.Q(chain_id__isnull=False),
                name="run_chain_idx",
            ),
        ),
        django.contrib.postgres.operations.AddIndexConcurrently(
            "run",
            models.Index(
                fields=["workflow", "state", "finished_at"],
                condition=models.Q(
                    state__in=FINAL, parent__isnull=True, continued_as__isnull=True
                ),
                name="run_ended_idx",
            ),
        ),
        migrations.CreateModel(
            "PrunedKey",
            [
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("workflow", models.TextField()),
                ("key", models.TextField()),
                ("run_id", models.UUIDField()),
                ("state", models.TextField()),
                (
                    "pruned_at",
                    models.DateTimeField(db_default=workflows.models.clock.ClockTimestamp()),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=["workflow", "key"], name="pruned_key_once")
                ],
                "indexes": [models.Index(fields=["pruned_at"], name="pruned_key_age_idx")],
            },
        ),
        migrations.RunSQL(KEYS, NO_KEYS),
    ]
