"""The moves of compensation, and how a parent learns that a child has ended.

A trigger tells the parent, so that every way to end (its own, a cancel, the sweep) does.
"""

from django.db import migrations

MOVES_BEFORE = """
    'pending>running', 'pending>cancelled',
    'running>pending', 'running>waiting', 'running>blocked', 'running>completed',
    'running>failed', 'running>cancelling',
    'waiting>running', 'waiting>cancelled',
    'blocked>pending', 'blocked>cancelled',
    'cancelling>cancelled'
"""
MOVES = (
    MOVES_BEFORE
    + """,
    'pending>compensating', 'running>compensating', 'waiting>compensating',
    'blocked>compensating', 'cancelling>compensating', 'failed>compensating',
    'cancelled>compensating', 'compensating>compensated', 'compensating>failed'
"""
)


def move_trigger(moves: str) -> str:
    """Return the SQL that puts the trigger for these moves in the place of the one there."""
    return f"""
DROP TRIGGER run_moves ON workflows_run;
CREATE TRIGGER run_moves BEFORE UPDATE OF state ON workflows_run FOR EACH ROW
WHEN (OLD.state <> NEW.state AND OLD.state || '>' || NEW.state NOT IN ({moves}))
EXECUTE FUNCTION workflows_refuse_move();
"""


CHILD_ENDED = """
CREATE FUNCTION workflows_child_ended() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    label text := 'child:' || coalesce(NEW.chain_id, NEW.id);
    woken boolean;
BEGIN
    PERFORM FROM workflows_run WHERE id = NEW.parent_id FOR NO KEY UPDATE;
    INSERT INTO workflows_event (run_id, name, payload, key)
    SELECT parent.id, label,
           jsonb_build_object('state', NEW.state, 'output', NEW.output, 'error', NEW.error), label
    FROM workflows_run AS parent
    WHERE parent.id = NEW.parent_id
      AND parent.state NOT IN ('completed', 'failed', 'cancelled', 'compensated', 'compensating')
    ON CONFLICT (run_id, key) WHERE key IS NOT NULL DO NOTHING;
    IF FOUND THEN
        UPDATE workflows_run AS parent
        SET events = parent.events + 1,
            wake_at = CASE WHEN parent.state = 'waiting' AND label = ANY(parent.waiting_for)
                           THEN clock_timestamp() ELSE parent.wake_at END
        WHERE parent.id = NEW.parent_id
        RETURNING parent.state = 'waiting' AND label = ANY(parent.waiting_for) INTO woken;
        IF woken THEN
            PERFORM pg_notify('workflows_due', '');
        END IF;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER child_ended AFTER UPDATE OF state ON workflows_run FOR EACH ROW
WHEN (NEW.parent_id IS NOT NULL AND NEW.continued_as IS NULL
      AND NEW.state IN ('completed', 'failed', 'cancelled', 'compensated')
      AND OLD.state NOT IN ('completed', 'failed', 'cancelled', 'compensated'))
EXECUTE FUNCTION workflows_child_ended();
"""

BACKWARD = """
DROP TRIGGER child_ended ON workflows_run;
DROP FUNCTION workflows_child_ended();
"""


class Migration(migrations.Migration):
    dependencies = [("workflows", "0003_compensation_children_notes")]

    operations = [
        migrations.RunSQL(move_trigger(MOVES), move_trigger(MOVES_BEFORE)),
        migrations.RunSQL(CHILD_ENDED, BACKWARD),
    ]
