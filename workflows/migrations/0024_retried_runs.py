"""What a run that goes on, or is forked, needs of its beginning: the key that its end has set free, and how
long it was given.

Both columns are null for all that there are, so the old code goes on beside it.
"""

from django.db import migrations, models

ENDS = "('completed', 'failed', 'cancelled', 'compensated')"


def _free_key(keep: str) -> str:
    return f"""
CREATE OR REPLACE FUNCTION workflows_free_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state IN {ENDS} THEN
        {keep}
        NEW.key := NULL;
    END IF;
    RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("workflows", "0023_updates")]

    operations = [
        migrations.AddField("run", "freed_key", models.TextField(null=True, blank=True)),
        migrations.AddField("run", "deadline_seconds", models.FloatField(null=True, blank=True)),
        migrations.RunSQL(
            _free_key("NEW.freed_key := coalesce(NEW.key, NEW.freed_key);"), _free_key("")
        ),
    ]
