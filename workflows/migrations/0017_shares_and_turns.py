"""Limits that are a share of the workers' slots, and turns by tenant among those who wait for a limit."""

from django.db import migrations, models

# A place in the queue is given by the database, since the function that lets a run wait knows no tenants: the
# round that is being served, or the one behind the tenant's last, whichever is later.
TURNS = """
CREATE FUNCTION workflows_take_turn() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT tenant INTO NEW.tenant FROM workflows_run WHERE id = NEW.run_id;
    SELECT greatest(
        (SELECT turn FROM workflows_limitwait
         WHERE name = NEW.name AND key = NEW.key AND priority = NEW.priority AND run_id <> NEW.run_id
         ORDER BY turn LIMIT 1),
        (SELECT turn + 1 FROM workflows_limitwait
         WHERE name = NEW.name AND key = NEW.key AND priority = NEW.priority AND run_id <> NEW.run_id
           AND tenant = NEW.tenant
         ORDER BY turn DESC LIMIT 1),
        0)
    INTO NEW.turn;
    RETURN NEW;
END $$;

CREATE TRIGGER limit_wait_begins BEFORE INSERT ON workflows_limitwait FOR EACH ROW
EXECUTE FUNCTION workflows_take_turn();

CREATE TRIGGER limit_wait_changes BEFORE UPDATE OF name, key ON workflows_limitwait FOR EACH ROW
WHEN ((OLD.name, OLD.key) IS DISTINCT FROM (NEW.name, NEW.key))
EXECUTE FUNCTION workflows_take_turn();
"""

NO_TURNS = """
DROP TRIGGER limit_wait_changes ON workflows_limitwait;
DROP TRIGGER limit_wait_begins ON workflows_limitwait;
DROP FUNCTION workflows_take_turn();
"""


def wake(order: str) -> str:
    """As in 0017, but for the order in which those who wait are woken."""
    return f"""
CREATE OR REPLACE FUNCTION workflows_wake_waiters(
    the_name text, the_key text, the_most integer, moment timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    free integer;
    next workflows_limitwait;
    waiter workflows_run;
BEGIN
    SELECT coalesce((SELECT most FROM workflows_limitsetting WHERE name = the_name), the_most)
           - (SELECT count(*) FROM workflows_limitslot
              WHERE name = the_name AND key = the_key AND run_id IS NOT NULL)
           - (SELECT count(*) FROM workflows_limitwait
              WHERE name = the_name AND key = the_key AND woken_at > moment - interval '5 seconds')
    INTO free;
    IF free <= 0 THEN
        RETURN;
    END IF;
    FOR next IN
        SELECT * FROM workflows_limitwait
        WHERE name = the_name AND key = the_key
          AND (woken_at IS NULL OR woken_at <= moment - interval '5 seconds')
        ORDER BY {order} LIMIT 100 FOR UPDATE SKIP LOCKED
    LOOP
        EXIT WHEN free <= 0;
        SELECT * INTO waiter FROM workflows_run WHERE id = next.run_id FOR NO KEY UPDATE SKIP LOCKED;
        CONTINUE WHEN NOT FOUND;
        IF waiter.state IN ('completed', 'failed', 'cancelled', 'compensated') THEN
            DELETE FROM workflows_limitwait WHERE id = next.id;
        ELSIF waiter.state IN ('waiting', 'compensating') AND waiter.lease_until IS NULL THEN
            UPDATE workflows_run SET wake_at = least(wake_at, moment) WHERE id = waiter.id;
            UPDATE workflows_limitwait SET woken_at = moment WHERE id = next.id;
            PERFORM pg_notify('workflows_due', '');
            free := free - 1;
        END IF;
    END LOOP;
END $$;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('workflows', '0016_limits'),
    ]

    operations = [
        migrations.AddField(
            model_name='worker',
            name='slots',
            field=models.PositiveIntegerField(db_default=1, default=1),
        ),
        migrations.AddField(
            model_name='limitwait',
            name='tenant',
            field=models.TextField(db_default='', default=''),
        ),
        migrations.AddField(
            model_name='limitwait',
            name='turn',
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        # Only who waits now stands in that table.
        migrations.AddIndex(
            model_name='limitwait',
            index=models.Index(fields=['name', 'key', '-priority', 'turn', 'id'], name='limit_turn_idx'),
        ),
        migrations.AddIndex(
            model_name='limitwait',
            index=models.Index(fields=['name', 'key', 'priority', 'tenant', '-turn'], name='limit_tenant_idx'),
        ),
        migrations.RemoveIndex(
            model_name='limitwait',
            name='limit_wait_idx',
        ),
        migrations.RunSQL(TURNS, NO_TURNS),
        migrations.RunSQL(wake("priority DESC, turn, id"), wake("priority DESC, id")),
    ]
