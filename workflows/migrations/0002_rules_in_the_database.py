"""What no statement may do, whoever sends it: change history, or move a run off the table.

The trigger's WHEN clause is evaluated before any function is called, so that a legal move costs
next to nothing. Deleting history is allowed to a transaction that says it prunes:
SET LOCAL workflows.pruning = 'on'.
"""

from django.db import migrations

MOVES = """
    'pending>running', 'pending>cancelled',
    'running>pending', 'running>waiting', 'running>blocked', 'running>completed',
    'running>failed', 'running>cancelling',
    'waiting>running', 'waiting>cancelled',
    'blocked>pending', 'blocked>cancelled',
    'cancelling>cancelled'
"""

FORWARD = f"""
CREATE FUNCTION workflows_refuse_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a % run cannot become % (run %)', OLD.state, NEW.state, OLD.id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'run_moves';
END $$;

CREATE TRIGGER run_moves BEFORE UPDATE OF state ON workflows_run FOR EACH ROW
WHEN (OLD.state <> NEW.state AND OLD.state || '>' || NEW.state NOT IN ({MOVES}))
EXECUTE FUNCTION workflows_refuse_move();

CREATE FUNCTION workflows_refuse_rewrite() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('workflows.pruning', true) = 'on' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'history is append-only: % refused (run %)', TG_OP, OLD.run_id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'history_append_only';
END $$;

CREATE TRIGGER history_append_only BEFORE UPDATE OR DELETE ON workflows_history FOR EACH ROW
EXECUTE FUNCTION workflows_refuse_rewrite();

-- Rows of both tables change often and are read by index: do not wait for a fifth of them.
ALTER TABLE workflows_run SET (autovacuum_vacuum_scale_factor = 0.02);
ALTER TABLE workflows_event SET (autovacuum_vacuum_scale_factor = 0.05);
"""

BACKWARD = """
ALTER TABLE workflows_event RESET (autovacuum_vacuum_scale_factor);
ALTER TABLE workflows_run RESET (autovacuum_vacuum_scale_factor);
DROP TRIGGER history_append_only ON workflows_history;
DROP FUNCTION workflows_refuse_rewrite();
DROP TRIGGER run_moves ON workflows_run;
DROP FUNCTION workflows_refuse_move();
"""


class Migration(migrations.Migration):
    dependencies = [("workflows", "0001_runs_history_events_workers")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
