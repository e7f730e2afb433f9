"""Which queue this is: two schemas of one database are two.

Advisory locks and NOTIFY know databases only, so each schema has a lock class and a channel of its
own. Those of `public` are what older releases know, which may run beside this one.
"""

from workflows.store.database import Connection, query
from workflows.store.statement import NOW, Statement

PUBLIC_LOCK_CLASS = 20817
PUBLIC_CHANNEL = "workflows_due"

# That of the tables which are found, whatever else is on the search path.
_SCHEMA = """
    (SELECT relnamespace::regnamespace::text FROM pg_class WHERE oid = 'workflows_worker'::regclass)
"""
LOCK_CLASS = f"""
    (SELECT CASE ours WHEN 'public' THEN {PUBLIC_LOCK_CLASS} ELSE hashtext('workflows ' || ours) END
     FROM {_SCHEMA} AS found (ours))
"""
"""As SQL: the first half of the advisory locks by which workers show that they live; the second is
the id."""

LIVING = f"""
    SELECT objid::bigint FROM pg_locks
    WHERE locktype = 'advisory' AND classid = {LOCK_CLASS}::oid AND objsubid = 2 AND granted
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
"""The ids of the workers that live, as SQL."""

CHANNEL = f"""
    (SELECT CASE ours WHEN 'public' THEN '{PUBLIC_CHANNEL}'
                      ELSE '{PUBLIC_CHANNEL}_' || left(md5(ours), 16) END
     FROM {_SCHEMA} AS found (ours))
"""
RING = f"pg_notify({CHANNEL}, '')"
"""As SQL, says: a run is due now, or sooner than one poll away."""

SOON = f"wake_at < {NOW} + interval '1 second'"
"""Of a run, as SQL: it falls due before the next poll would see it, so the bell rings for it."""

RUNG_FOR_SCHEDULES = "schedules"
"""What a ring says that is about schedules; about runs it says nothing, and older releases hear no words."""

_OUR_CHANNEL = Statement(f"SELECT {CHANNEL}")


def listen(own: Connection) -> None:
    """Hear the bell of this queue; and that of `public`, which the trigger of a child's end rings."""
    [[channel]] = query(_OUR_CHANNEL, on=own)
    for each in {channel, PUBLIC_CHANNEL}:
        query(Statement(f'LISTEN "{each}"'), on=own)
