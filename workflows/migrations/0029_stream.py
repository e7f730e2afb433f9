"""What steps emit. No other release writes it; all may delete runs, so a trigger deletes their chunks.

The trigger looks once for each statement that deletes runs, by the primary key.
"""

import workflows.models.clock
from django.db import migrations, models

WITH_THEIR_RUN = """
CREATE FUNCTION workflows_delete_chunks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM workflows_chunk WHERE run_id = ANY (ARRAY(SELECT id FROM gone));
    RETURN NULL;
END $$;

CREATE TRIGGER chunks_go_along AFTER DELETE ON workflows_run
REFERENCING OLD TABLE AS gone FOR EACH STATEMENT
EXECUTE FUNCTION workflows_delete_chunks();
"""
ALONE = """
DROP TRIGGER chunks_go_along ON workflows_run;
DROP FUNCTION workflows_delete_chunks();
"""


class Migration(migrations.Migration):
    dependencies = [("workflows", "0028_tries")]

    operations = [
        migrations.CreateModel(
            "Chunk",
            [
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "run_id",
                        "attempt",
                        "sequence",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("run_id", models.UUIDField()),
                ("attempt", models.IntegerField()),
                ("sequence", models.IntegerField()),
                ("step", models.TextField()),
                ("position", models.IntegerField()),
                ("step_attempt", models.IntegerField()),
                ("number", models.IntegerField()),
                ("undo", models.BooleanField(db_default=False, default=False)),
                ("value", models.JSONField()),
                ("at", models.DateTimeField(db_default=workflows.models.clock.ClockTimestamp())),
            ],
        ),
        migrations.RunSQL(WITH_THEIR_RUN, ALONE),
    ]
