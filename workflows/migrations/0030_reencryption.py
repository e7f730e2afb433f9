"""manage.py workflows_reencrypt writes the values of old lines with another key. A line stays what it is.

As for pruning, a transaction must say so, workflows.reencrypting = 'on'; and of a line it may change the data
only. The function takes the place of the one from 0002, for which no line could be changed.
"""

from django.db import migrations

REFUSE = """
CREATE OR REPLACE FUNCTION workflows_refuse_rewrite() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('workflows.pruning', true) = 'on' THEN
        RETURN OLD;
    END IF;{unless}
    RAISE EXCEPTION 'history is append-only: % refused (run %)', TG_OP, OLD.run_id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'history_append_only';
END $$;
"""
SAME_BUT_FOR_ITS_DATA = """
    IF TG_OP = 'UPDATE' AND current_setting('workflows.reencrypting', true) = 'on'
       AND to_jsonb(NEW) - 'data' = to_jsonb(OLD) - 'data' THEN
        RETURN NEW;
    END IF;"""


class Migration(migrations.Migration):
    dependencies = [("workflows", "0029_stream")]

    operations = [
        migrations.RunSQL(
            REFUSE.format(unless=SAME_BUT_FOR_ITS_DATA), REFUSE.format(unless="")
        )
    ]
