"""Tables, triggers, constraints and indexes."""

from collections.abc import Iterator

from workflows.doctor.finding import Look, NotLookedAt, Trouble, error, warning
from workflows.store.diagnosis import tables
from workflows.store.diagnosis.server import load_settings

MANY_DEAD = 50_000
SHARE_DEAD = 0.5
"""Dead rows for each living one."""
MANY_ROWS = 10_000
"""In a table without statistics."""
AGAIN = "`manage.py sqlmigrate workflows NUMBER` prints what its migration runs: run that part of it again."


def migrations() -> Iterator[Trouble]:
    missing = tables.missing_migrations()
    if missing:
        yield error(
            f"{len(missing)} migrations of the engine have not run: {', '.join(missing)}",
            "Run `manage.py migrate workflows`.",
        )


def triggers() -> Iterator[Trouble]:
    found = tables.find_triggers()
    for table, name in sorted(tables.TRIGGERS - found.keys()):
        yield error(f"the trigger {name} of {table} is missing", AGAIN)
    for (table, name), enabled in sorted(found.items()):
        if not enabled:
            yield error(
                f"the trigger {name} of {table} is disabled",
                f"ALTER TABLE {table} ENABLE TRIGGER {name}.",
            )


def indexes() -> Iterator[Trouble]:
    indexes, constraints = tables.find_indexes(), tables.find_constraints()
    known = {each.name for each in (*indexes, *constraints)}
    for name in sorted(tables.declared_parts() - known):
        yield error(f"the index or constraint {name} is missing", AGAIN)
    for index in indexes:
        if not index.works:
            yield error(
                f"the index {index.name} is invalid: it costs writes, and nobody reads it",
                f"REINDEX INDEX CONCURRENTLY {index.name}.",
            )
    for constraint in constraints:
        if not constraint.works:
            yield warning(
                f"the constraint {constraint.name} was never checked for the rows before it",
                f"ALTER TABLE … VALIDATE CONSTRAINT {constraint.name}.",
            )


def dead_rows() -> Iterator[Trouble]:
    if load_settings()["track_counts"] == "off":
        raise NotLookedAt("track_counts is off, so nobody counts rows", "Set track_counts = on.")
    for each in tables.table_rows():
        if each.dead > MANY_DEAD and each.dead > SHARE_DEAD * each.live:
            last = f"last vacuumed {each.vacuumed_at}" if each.vacuumed_at else "never vacuumed"
            yield warning(
                f"{each.table} has {each.dead:,} dead rows beside {each.live:,} living ones ({last})",
                f"VACUUM {each.table}; then look for what holds autovacuum up, old transactions first.",
            )
        if not each.analyzed and each.live > MANY_ROWS:
            yield warning(
                f"{each.table} has {each.live:,} rows and was never analyzed, so that plans are guesses",
                f"ANALYZE {each.table}.",
            )


LOOKS = (
    Look("migrations", migrations, "every migration of the engine has run"),
    Look("triggers", triggers, "every trigger is there and enabled"),
    Look("indexes", indexes, "every index and constraint is there and valid"),
    Look("dead_rows", dead_rows, "no table is full of dead rows"),
)
