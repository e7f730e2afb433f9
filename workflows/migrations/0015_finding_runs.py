"""By what people find a run again, how often it may lose its worker, and who waits for it is told.

All indexes but that of workflows hold only runs that have an owner, a subject or tags, or went wrong: they
cost other runs nothing. They are built while the old code goes on.

NOTIFY serialises commits, so the trigger sends one only where somebody waits: who does holds an advisory lock of
the run (store/waiters.py). Its WHEN asks for that before any function of ours is called, and only of an update that
ends the run or changes its data. The lock is let go of at once: a transaction may end very many runs.
"""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import Q

WAITED_FOR = """
    CASE WHEN pg_try_advisory_lock(uuid_hash_extended(NEW.id, 20817))
         THEN NOT pg_advisory_unlock(uuid_hash_extended(NEW.id, 20817)) ELSE true END
"""
FREE_KEY = """
CREATE FUNCTION workflows_free_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.key := NULL;
    RETURN NEW;
END $$;

CREATE TRIGGER run_key_free BEFORE UPDATE OF state ON workflows_run FOR EACH ROW
WHEN (NEW.key_free_at_end AND NEW.key IS NOT NULL
      AND NEW.state IN ('completed', 'failed', 'cancelled', 'compensated'))
EXECUTE FUNCTION workflows_free_key();
"""
KEEP_KEY = """
DROP TRIGGER run_key_free ON workflows_run;
DROP FUNCTION workflows_free_key();
"""
ONE_PER_SUBJECT = """
CREATE UNIQUE INDEX CONCURRENTLY run_one_per_subject ON workflows_run (workflow, subject)
WHERE one_per_subject AND NOT state IN ('cancelled', 'compensated', 'completed', 'failed')
"""
TELL = f"""
CREATE FUNCTION workflows_tell_waiters() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('workflows_waiters', NEW.id::text);
    RETURN NULL;
END $$;

CREATE TRIGGER run_waited_for AFTER UPDATE OF state, data ON workflows_run FOR EACH ROW
WHEN ((OLD.state <> NEW.state AND NEW.state IN ('completed', 'failed', 'cancelled', 'compensated')
       OR OLD.data <> NEW.data) AND {WAITED_FOR})
EXECUTE FUNCTION workflows_tell_waiters();
"""
TELL_NOBODY = """
DROP TRIGGER run_waited_for ON workflows_run;
DROP FUNCTION workflows_tell_waiters();
"""


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("workflows", "0014_steering")]

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
        migrations.AddField(
            "run", "one_per_subject", models.BooleanField(db_default=False, default=False)
        ),
        migrations.AddField(
            "run", "key_free_at_end", models.BooleanField(db_default=False, default=False)
        ),
        migrations.SeparateDatabaseAndState(
            [migrations.RunSQL(ONE_PER_SUBJECT, "DROP INDEX run_one_per_subject")],
            [
                migrations.AddConstraint(
                    "run",
                    models.UniqueConstraint(
                        fields=["workflow", "subject"],
                        condition=Q(one_per_subject=True)
                        & ~Q(state__in=["cancelled", "compensated", "completed", "failed"]),
                        name="run_one_per_subject",
                    ),
                )
            ],
        ),
        migrations.RunSQL(FREE_KEY, KEEP_KEY),
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
                fields=["-created_at"], condition=Q(error__isnull=False), name="run_any_error_idx"
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
        migrations.RunSQL(TELL, TELL_NOBODY),
    ]
