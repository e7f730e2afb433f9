"""Limits: slots that are taken and freed, moments that are reserved, and who waits for them.

What is taken and freed is decided here, in functions, and not in the engine: several looks and writes under
one lock are one round trip so, and whoever ends a drive, an older release too, frees by the trigger.
"""

import workflows.models.clock
from django.db import migrations, models


SQL = """
-- Wakes as many who wait for slots as there are free ones, but for those that have been woken and are on
-- their way. Who was woken and did not come (nobody may have its code) is passed over by all others. It waits
-- for no row, and locks the run before its place in the queue, as whoever takes slots does.
CREATE FUNCTION workflows_wake_waiters(
    the_name text, the_key text, the_most integer, moment timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    late timestamptz := moment - interval '5 seconds';
    free integer;
    waiter record;
    woke boolean := false;
BEGIN
    SELECT coalesce((SELECT most FROM workflows_limitsetting WHERE name = the_name), the_most)
           - (SELECT count(*) FROM workflows_limitslot
              WHERE name = the_name AND key = the_key AND run_id IS NOT NULL)
           - (SELECT count(*) FROM workflows_limitwait
              WHERE name = the_name AND key = the_key AND woken_at > late)
    INTO free;
    FOR waiter IN
        WITH fresh AS (
            SELECT wait.id, wait.run_id FROM workflows_limitwait AS wait
            JOIN workflows_run AS run ON run.id = wait.run_id
            WHERE wait.name = the_name AND wait.key = the_key AND wait.woken_at IS NULL
              AND run.state IN ('waiting', 'compensating') AND run.lease_until IS NULL
              AND run.waiting_for[1] LIKE 'limit %'
            ORDER BY wait.priority DESC, wait.turn, wait.id
            LIMIT greatest(free, 0) FOR NO KEY UPDATE OF run, wait SKIP LOCKED),
        passed_over AS (
            SELECT wait.id, wait.run_id FROM workflows_limitwait AS wait
            JOIN workflows_run AS run ON run.id = wait.run_id
            WHERE wait.name = the_name AND wait.key = the_key AND wait.woken_at <= late
              AND run.state IN ('waiting', 'compensating') AND run.lease_until IS NULL
              AND run.waiting_for[1] LIKE 'limit %'
            ORDER BY wait.woken_at
            LIMIT greatest(free - (SELECT count(*) FROM fresh), 0)
            FOR NO KEY UPDATE OF run, wait SKIP LOCKED)
        SELECT * FROM fresh UNION ALL SELECT * FROM passed_over
    LOOP
        UPDATE workflows_run SET wake_at = least(wake_at, moment) WHERE id = waiter.run_id;
        UPDATE workflows_limitwait SET woken_at = moment WHERE id = waiter.id;
        woke := true;
    END LOOP;
    IF woke THEN
        PERFORM pg_notify('workflows_due', '');
    END IF;
END $$;

-- Takes slots and a moment for the attempt of a step (position 0: for the run as a whole), all or none, or
-- says what is missing; with parks, the run parks until then. The run's row is locked first, then slots in
-- the order given, then the rate: one order for all.
CREATE FUNCTION workflows_take_limits(
    the_run uuid, the_attempt integer, the_position integer, slots jsonb, rate jsonb, parks boolean,
    until timestamptz, moment timestamptz) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    held workflows_run;
    slot jsonb;
    the_name text;
    the_key text;
    the_most integer;
    the_slot bigint;
    taken bigint[] := '{}';
    gap interval;
    at timestamptz;
    words text;
BEGIN
    PERFORM set_config('lock_timeout', '3s', true);
    SELECT * INTO held FROM workflows_run
    WHERE id = the_run AND attempt = the_attempt AND state IN ('running', 'compensating')
    FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN jsonb_build_object('is', 'lost');
    END IF;
    IF NOT held.limited THEN
        UPDATE workflows_run SET limited = true WHERE id = the_run;
    END IF;

    FOR slot IN SELECT value FROM jsonb_array_elements(slots) LOOP
        the_name := slot->>'name';
        the_key := slot->>'key';
        the_slot := NULL;
        CONTINUE WHEN EXISTS (
            SELECT FROM workflows_limitslot
            WHERE run_id = the_run AND position = the_position AND name = the_name AND key = the_key);
        SELECT coalesce((SELECT most FROM workflows_limitsetting WHERE name = the_name),
                        (slot->>'most')::integer) INTO the_most;
        -- Who comes later does not pass those who wait. Where the limit has become lower, those above it
        -- end first: a count alone would let two pass at the same moment.
        IF EXISTS (SELECT FROM workflows_limitwait
                   WHERE run_id = the_run AND position = the_position
                     AND name = the_name AND key = the_key)
           OR NOT EXISTS (SELECT FROM workflows_limitwait WHERE name = the_name AND key = the_key) THEN
            LOOP
                EXIT WHEN EXISTS (SELECT FROM workflows_limitslot
                                  WHERE name = the_name AND key = the_key AND number > the_most
                                    AND run_id IS NOT NULL);
                SELECT id INTO the_slot FROM workflows_limitslot
                WHERE name = the_name AND key = the_key AND run_id IS NULL AND number <= the_most
                ORDER BY number LIMIT 1 FOR UPDATE SKIP LOCKED;
                EXIT WHEN FOUND;
                INSERT INTO workflows_limitslot (name, key, number, most, changed_at)
                SELECT the_name, the_key, number, the_most, moment
                FROM generate_series(1, the_most) AS number
                WHERE NOT EXISTS (SELECT FROM workflows_limitslot AS known
                                  WHERE known.name = the_name AND known.key = the_key
                                    AND known.number = number.number)
                ON CONFLICT DO NOTHING;
                EXIT WHEN NOT FOUND;
            END LOOP;
        END IF;
        IF the_slot IS NULL THEN
            SELECT format('limit %s%s: %s of %s', the_name,
                          CASE the_key WHEN '' THEN '' ELSE ' (' || left(the_key, 80) || ')' END,
                          count(run_id), the_most) INTO words
            FROM workflows_limitslot WHERE name = the_name AND key = the_key;
            IF parks THEN
                DELETE FROM workflows_limitmoment WHERE run_id = the_run AND position = the_position;
                INSERT INTO workflows_limitwait (name, key, most, run_id, position, priority)
                VALUES (the_name, the_key, the_most, the_run, the_position, held.priority)
                ON CONFLICT (run_id, position)
                DO UPDATE SET name = the_name, key = the_key, most = the_most, woken_at = NULL;
                PERFORM workflows_park_for_limit(held, words, until);
            END IF;
            PERFORM workflows_give_back(taken, moment);
            PERFORM workflows_wake_waiters(the_name, the_key, the_most, moment);
            RETURN jsonb_build_object('is', 'full', 'words', words);
        END IF;
        UPDATE workflows_limitslot
        SET run_id = the_run, position = the_position, attempt = the_attempt, most = the_most,
            changed_at = moment
        WHERE id = the_slot;
        taken := taken || the_slot;
    END LOOP;
    DELETE FROM workflows_limitwait WHERE run_id = the_run AND position = the_position;

    IF rate IS NOT NULL THEN
        SELECT mine.at INTO at FROM workflows_limitmoment AS mine
        WHERE mine.run_id = the_run AND mine.position = the_position;
        IF NOT FOUND THEN
            SELECT coalesce((SELECT per_seconds / times FROM workflows_limitsetting
                             WHERE name = rate->>'name'),
                            (rate->>'per_seconds')::float8 / (rate->>'times')::integer)
                   * interval '1 second' INTO gap;
            INSERT INTO workflows_limitrate AS known (name, key, next_at)
            VALUES (rate->>'name', rate->>'key', moment + gap)
            ON CONFLICT (name, key) DO UPDATE SET next_at = greatest(known.next_at, moment) + gap
            RETURNING next_at - gap INTO at;
            IF at > moment THEN
                INSERT INTO workflows_limitmoment (run_id, position, at)
                VALUES (the_run, the_position, at);
            END IF;
        ELSIF at <= moment THEN
            DELETE FROM workflows_limitmoment WHERE run_id = the_run AND position = the_position;
        END IF;
        IF at > moment THEN
            words := format('limit %s: next at %s', rate->>'name',
                            to_char(at AT TIME ZONE 'UTC', 'HH24:MI:SS.MS "UTC"'));
            IF parks THEN
                PERFORM workflows_park_for_limit(held, words, least(at, until));
            END IF;
            PERFORM workflows_give_back(taken, moment);
            RETURN jsonb_build_object('is', 'later', 'words', words, 'at', at);
        END IF;
    END IF;
    RETURN jsonb_build_object('is', 'taken');
END $$;

CREATE FUNCTION workflows_give_back(
    taken bigint[], moment timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    slot record;
BEGIN
    FOR slot IN
        UPDATE workflows_limitslot
        SET run_id = NULL, position = NULL, attempt = NULL, changed_at = moment
        WHERE id = ANY(taken)
        RETURNING name, key, most
    LOOP
        PERFORM workflows_wake_waiters(slot.name, slot.key, slot.most, moment);
    END LOOP;
END $$;

-- The run parks, as store/parking.py does it. It stands in no history: whether it waited here is no
-- business of a replay.
CREATE FUNCTION workflows_park_for_limit(
    held workflows_run, words text, until timestamptz) RETURNS void LANGUAGE sql AS $$
    UPDATE workflows_run
    SET state = CASE held.state WHEN 'running' THEN 'waiting' ELSE held.state END,
        worker_id = NULL, lease_until = NULL, waiting_for = ARRAY[words],
        wake_at = CASE held.state WHEN 'running' THEN least(until, held.deadline) ELSE until END
    WHERE id = held.id
$$;

-- An attempt has ended: its slot is free, unless the run belongs to somebody else by now.
CREATE FUNCTION workflows_leave_limits(
    the_run uuid, the_attempt integer, the_position integer, moment timestamptz)
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    slot record;
    freed integer := 0;
BEGIN
    FOR slot IN
        UPDATE workflows_limitslot
        SET run_id = NULL, position = NULL, attempt = NULL, changed_at = moment
        WHERE run_id = the_run AND position = the_position AND attempt = the_attempt
        RETURNING name, key, most
    LOOP
        PERFORM workflows_wake_waiters(slot.name, slot.key, slot.most, moment);
        freed := freed + 1;
    END LOOP;
    RETURN freed;
END $$;

-- Whatever ends a drive frees the slots of its steps, and whatever ends the run those of the run. A run that
-- turns to undoing waits for nothing of before.
CREATE FUNCTION workflows_free_limits() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    slot record;
    over boolean := NEW.state IN ('completed', 'failed', 'cancelled', 'compensated');
BEGIN
    IF over OR NEW.state = 'compensating' AND OLD.state <> 'compensating' THEN
        DELETE FROM workflows_limitwait WHERE run_id = NEW.id;
        DELETE FROM workflows_limitmoment WHERE run_id = NEW.id;
    END IF;
    IF NEW.lease_until IS NOT NULL THEN
        RETURN NULL;
    END IF;
    FOR slot IN
        UPDATE workflows_limitslot
        SET run_id = NULL, position = NULL, attempt = NULL, changed_at = clock_timestamp()
        WHERE run_id = NEW.id AND (over OR position > 0)
        RETURNING name, key, most
    LOOP
        PERFORM workflows_wake_waiters(slot.name, slot.key, slot.most, clock_timestamp());
    END LOOP;
    RETURN NULL;
END $$;

-- The condition is brief: a WHEN is kept as text, and read anew at each statement.
CREATE TRIGGER run_limits AFTER UPDATE OF state ON workflows_run FOR EACH ROW
WHEN (OLD.limited)
EXECUTE FUNCTION workflows_free_limits();

-- A place in the queue is given by the database, since the function that lets a run wait knows no tenants: the
-- round that is being served, or the one behind the tenant's last, whichever is later.
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

BACK = """
DROP TRIGGER limit_wait_changes ON workflows_limitwait;
DROP TRIGGER limit_wait_begins ON workflows_limitwait;
DROP FUNCTION workflows_take_turn();
DROP TRIGGER run_limits ON workflows_run;
DROP FUNCTION workflows_free_limits();
DROP FUNCTION workflows_leave_limits(uuid, integer, integer, timestamptz);
DROP FUNCTION workflows_take_limits(
    uuid, integer, integer, jsonb, jsonb, boolean, timestamptz, timestamptz);
DROP FUNCTION workflows_give_back(bigint[], timestamptz);
DROP FUNCTION workflows_park_for_limit(workflows_run, text, timestamptz);
DROP FUNCTION workflows_wake_waiters(text, text, integer, timestamptz);
"""


class Migration(migrations.Migration):

    dependencies = [
        ('workflows', '0015_finding_runs'),
    ]

    operations = [
        migrations.CreateModel(
            name='LimitSetting',
            fields=[
                ('name', models.TextField(primary_key=True, serialize=False)),
                ('most', models.PositiveIntegerField(null=True)),
                ('times', models.PositiveIntegerField(null=True)),
                ('per_seconds', models.FloatField(null=True)),
                ('set_at', models.DateTimeField(db_default=workflows.models.clock.ClockTimestamp())),
            ],
        ),
        migrations.AddField(
            model_name='run',
            name='limited',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.CreateModel(
            name='LimitMoment',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('run_id', models.UUIDField()),
                ('position', models.PositiveIntegerField()),
                ('at', models.DateTimeField()),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('run_id', 'position'), name='limit_moment_once')],
            },
        ),
        migrations.CreateModel(
            name='LimitRate',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('name', models.TextField()),
                ('key', models.TextField(db_default='', default='')),
                ('next_at', models.DateTimeField()),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('name', 'key'), name='limit_rate_once')],
            },
        ),
        migrations.CreateModel(
            name='LimitSlot',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('name', models.TextField()),
                ('key', models.TextField(db_default='', default='')),
                ('number', models.PositiveIntegerField()),
                ('most', models.PositiveIntegerField()),
                ('run_id', models.UUIDField(null=True)),
                ('position', models.PositiveIntegerField(null=True)),
                ('attempt', models.PositiveIntegerField(null=True)),
                ('changed_at', models.DateTimeField(db_default=workflows.models.clock.ClockTimestamp())),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('run_id__isnull', False)), fields=['run_id'], name='limit_holder_idx')],
                'constraints': [models.UniqueConstraint(fields=('name', 'key', 'number'), name='limit_slot_once')],
            },
        ),
        migrations.CreateModel(
            name='LimitWait',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('name', models.TextField()),
                ('key', models.TextField(db_default='', default='')),
                ('most', models.PositiveIntegerField()),
                ('run_id', models.UUIDField()),
                ('position', models.PositiveIntegerField()),
                ('priority', models.SmallIntegerField()),
                ('tenant', models.TextField(db_default='', default='')),
                ('turn', models.BigIntegerField(db_default=0, default=0)),
                ('woken_at', models.DateTimeField(null=True)),
            ],
            options={
                'indexes': [
                    models.Index(fields=['name', 'key', '-priority', 'turn', 'id'], name='limit_turn_idx'),
                    models.Index(fields=['name', 'key', 'priority', 'tenant', '-turn'], name='limit_tenant_idx'),
                    models.Index(condition=models.Q(('woken_at__isnull', False)), fields=['name', 'key', 'woken_at'], name='limit_woken_idx'),
                ],
                'constraints': [models.UniqueConstraint(fields=('run_id', 'position'), name='limit_wait_once')],
            },
        ),
        migrations.RunSQL(SQL, BACK),
    ]
