"""What the triggers of a run cost: their conditions are brief, and the rest is asked in their functions.

PostgreSQL keeps the WHEN of a trigger as text, and reads and prepares it anew at each statement, however seldom
it holds. The moves alone were 31 pairs to read, twice a run. So a WHEN asks for what makes a run special
(it has a parent, it is to pause, it has a limit) and is a word or two; a function is kept compiled.
Each function asks again for all that its trigger asked before.

Of a move the function is called every time: that is a tenth of reading the pairs.

The same goes for a CHECK. Those of ten counters that only ever grow go: they were read at each line and each move.
"""

import importlib

from django.db import migrations, models

_cleanup = importlib.import_module("workflows.migrations.0019_cleanup")
_finding = importlib.import_module("workflows.migrations.0015_finding_runs")

ENDS = "('completed', 'failed', 'cancelled', 'compensated')"

FUNCTIONS = f"""
CREATE OR REPLACE FUNCTION workflows_refuse_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> NEW.state AND OLD.state || '>' || NEW.state NOT IN ({_cleanup.MOVES}) THEN
        RAISE EXCEPTION 'a % run cannot become % (run %)', OLD.state, NEW.state, OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'run_moves';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION workflows_pause_run() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state IN ('pending', 'waiting') THEN
        NEW.state := 'paused';
        NEW.due_at_resume := NEW.wake_at;
        NEW.wake_at := NULL;
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION workflows_free_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state IN {ENDS} THEN
        NEW.key := NULL;
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION workflows_child_ended() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    label text;
    woken boolean;
BEGIN
    IF NEW.continued_as IS NOT NULL OR NEW.state NOT IN {ENDS} OR OLD.state IN {ENDS} THEN
        RETURN NULL;
    END IF;
    label := 'child:' || coalesce(NEW.chain_id, NEW.id);
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

-- The lock is asked for before this is called: an end that nobody waits for goes on without it.
CREATE OR REPLACE FUNCTION workflows_tell_waiters() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.state <> NEW.state AND NEW.state IN {ENDS} OR OLD.data <> NEW.data THEN
        PERFORM pg_notify('workflows_waiters', NEW.id::text);
    END IF;
    RETURN NULL;
END $$;
"""  # noqa: S608 - a list of ours


def _trigger(name: str, moment: str, condition: str, function: str) -> str:
    return f"""
DROP TRIGGER {name} ON workflows_run;
CREATE TRIGGER {name} {moment} ON workflows_run FOR EACH ROW
WHEN ({condition})
EXECUTE FUNCTION {function}();
"""


BEFORE, AFTER = "BEFORE UPDATE OF state", "AFTER UPDATE OF state"
# Whatever ends a run says when it ended.
BRIEF = (
    _trigger("run_moves", BEFORE, "OLD.state <> NEW.state", "workflows_refuse_move")
    + _trigger("run_paused", BEFORE, "NEW.pausing", "workflows_pause_run")
    + _trigger("run_key_free", BEFORE, "NEW.key_free_at_end", "workflows_free_key")
    + _trigger("child_ended", AFTER, "NEW.parent_id IS NOT NULL", "workflows_child_ended")
    + _trigger(
        "run_waited_for",
        "AFTER UPDATE OF finished_at, data",
        _finding.WAITED_FOR,
        "workflows_tell_waiters",
    )
)
# The functions stay: they ask for no less than these.
AT_LENGTH = (
    _trigger(
        "run_moves",
        BEFORE,
        f"OLD.state <> NEW.state AND OLD.state || '>' || NEW.state NOT IN ({_cleanup.MOVES})",
        "workflows_refuse_move",
    )
    + _trigger(
        "run_paused",
        BEFORE,
        "NEW.pausing AND NEW.state IN ('pending', 'waiting')",
        "workflows_pause_run",
    )
    + _trigger(
        "run_key_free",
        BEFORE,
        f"NEW.key_free_at_end AND NEW.key IS NOT NULL AND NEW.state IN {ENDS}",
        "workflows_free_key",
    )
    + _trigger(
        "child_ended",
        AFTER,
        f"NEW.parent_id IS NOT NULL AND NEW.continued_as IS NULL AND NEW.state IN {ENDS} "
        f"AND OLD.state NOT IN {ENDS}",
        "workflows_child_ended",
    )
    + _trigger(
        "run_waited_for",
        "AFTER UPDATE OF state, data",
        f"(OLD.state <> NEW.state AND NEW.state IN {ENDS} OR OLD.data <> NEW.data) "
        f"AND {_finding.WAITED_FOR}",
        "workflows_tell_waiters",
    )
)


class Migration(migrations.Migration):
    dependencies = [("workflows", "0020_baggage")]

    operations = [
        migrations.RunSQL(FUNCTIONS + BRIEF, AT_LENGTH),
        migrations.AlterField("run", "version", models.IntegerField()),
        migrations.AlterField("run", "events", models.IntegerField(default=0, db_default=0)),
        migrations.AlterField("run", "attempt", models.IntegerField(default=0, db_default=0)),
        migrations.AlterField("run", "retries", models.IntegerField(default=0, db_default=0)),
        migrations.AlterField("run", "crashes", models.IntegerField(default=0, db_default=0)),
        migrations.AlterField("run", "max_crashes", models.IntegerField(null=True, blank=True)),
        migrations.AlterField("run", "parent_position", models.IntegerField(null=True, blank=True)),
        migrations.AlterField("history", "position", models.IntegerField(null=True)),
        migrations.AlterField("history", "part", models.IntegerField(default=0, db_default=0)),
        migrations.AlterField("history", "attempt", models.IntegerField()),
    ]
