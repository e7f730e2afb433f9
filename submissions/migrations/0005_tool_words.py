from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

BATCH = 1_000
APPROVED = models.Q(status="approved")

# A trigger and no generated column: that would write the whole table anew while it is locked. It also
# fills the words of tools that the code before this one approves.
COLUMN = "ALTER TABLE submissions_submission ADD COLUMN IF NOT EXISTS words tsvector"
FUNCTION = """
CREATE OR REPLACE FUNCTION submissions_fill_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- QueryLens is found by "lens" too.
    NEW.words := to_tsvector('simple', concat_ws(' ',
        NEW.name, regexp_replace(NEW.name, '([[:lower:]])([[:upper:]])', '\\1 \\2', 'g'),
        NEW.tagline, NEW.description));
    RETURN NEW;
END $$
"""
TRIGGER = """
CREATE OR REPLACE TRIGGER submissions_fill_words
BEFORE INSERT OR UPDATE OF status, name, tagline, description ON submissions_submission
FOR EACH ROW WHEN (NEW.status = 'approved') EXECUTE FUNCTION submissions_fill_words()
"""
FILL = """
UPDATE submissions_submission SET status = status WHERE id IN (
    SELECT id FROM submissions_submission
    WHERE status = 'approved' AND words IS NULL LIMIT %s FOR NO KEY UPDATE)
"""
INDEX = """
CREATE INDEX CONCURRENTLY IF NOT EXISTS submission_words_idx ON submissions_submission
USING gin (words) WITH (fastupdate = off) WHERE status = 'approved'
"""


def fill(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Let the trigger fill the words of the tools there are, a batch at a time."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(FILL, [BATCH])
        while cursor.rowcount:
            cursor.execute(FILL, [BATCH])


def leave(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Nothing to undo: the column goes."""


class Migration(migrations.Migration):
    """The words of approved tools, by which they are found. The column is the database's own: no page
    needs it, so no model has it."""

    atomic = False
    dependencies = [("submissions", "0004_waitlist")]

    operations = [
        migrations.RunSQL(
            [COLUMN, FUNCTION, TRIGGER],
            [
                "DROP TRIGGER submissions_fill_words ON submissions_submission",
                "DROP FUNCTION submissions_fill_words",
                "ALTER TABLE submissions_submission DROP COLUMN words",
            ],
        ),
        migrations.RunPython(fill, leave),
        migrations.RunSQL(INDEX, "DROP INDEX CONCURRENTLY IF EXISTS submission_words_idx"),
        AddIndexConcurrently(
            "submission",
            models.Index(
                fields=["category", "-decided_at"],
                condition=APPROVED,
                name="submission_category_idx",
            ),
        ),
        AddIndexConcurrently(
            "submission",
            models.Index(fields=["name", "id"], condition=APPROVED, name="submission_name_idx"),
        ),
    ]
