"""An update's caller finds its answer on the event, and is told when it is there.

The column is empty in what older releases write. As in 0015, a notification is sent only where somebody
waits for the run, and the trigger looks only where an answer is written.
"""

from django.db import migrations, models

WAITED_FOR = """
    CASE WHEN pg_try_advisory_lock(uuid_hash_extended(NEW.run_id, 20817))
         THEN NOT pg_advisory_unlock(uuid_hash_extended(NEW.run_id, 20817)) ELSE true END
"""
TELL = f"""
CREATE FUNCTION workflows_tell_updater() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('workflows_waiters', NEW.run_id::text);
    RETURN NULL;
END $$;

CREATE TRIGGER event_answered AFTER UPDATE OF answer ON workflows_event FOR EACH ROW
WHEN (NEW.answer IS NOT NULL AND {WAITED_FOR})
EXECUTE FUNCTION workflows_tell_updater();
"""
TELL_NOBODY = """
DROP TRIGGER event_answered ON workflows_event;
DROP FUNCTION workflows_tell_updater();
"""


class Migration(migrations.Migration):
    dependencies = [("workflows", "0022_forks")]

    operations = [
        migrations.AddField("event", "answer", models.JSONField(null=True)),
        migrations.RunSQL(TELL, TELL_NOBODY),
    ]
