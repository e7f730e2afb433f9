"""All looks, one after the other: nothing is called well that was not looked at."""

from collections.abc import Iterator, Mapping, Sequence

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections, transaction
from django.db import Error as AnyDatabaseError

from workflows.core.errors import WorkflowError
from workflows.doctor import cluster, database, runs, schema
from workflows.doctor.finding import Finding, Look, NotLookedAt, Severity, Trouble, warning

AREAS: Mapping[str, Sequence[Look]] = {
    "database": (*database.LOOKS, *schema.LOOKS),
    "cluster": cluster.LOOKS,
    "clocks": cluster.CLOCKS,
    "runs": runs.LOOKS,
}
ENDS = {Severity.OK: 0, Severity.WARNING: 1, Severity.ERROR: 2}
"""The exit code for monitors, by the worst that was found."""


MAY_NOT = "Run it as a role that may (pg_monitor), or run the missing migrations."


def examine(areas: Sequence[str] = ()) -> Iterator[Finding]:
    """Yield what is found in these areas, or in all of them: at least one finding for each look."""
    if unreachable := _unreachable():
        yield unreachable
        return
    for area in areas or AREAS:
        for look in AREAS[area]:
            yield from _findings(area, look)


def _unreachable() -> Finding | None:
    try:
        connections[DEFAULT_DB_ALIAS].ensure_connection()
    except AnyDatabaseError as exc:
        return Finding(
            area="database",
            check="reachable",
            severity=Severity.ERROR,
            sentence=f"the database cannot be reached, so nothing was looked at: {_first_line(exc)}",
            advice='Is the server up, and does DATABASES["default"] name it?',
        )
    return None


def _findings(area: str, look: Look) -> list[Finding]:
    """Return what a look finds; that it could not look, where it could not."""
    troubles: list[Trouble] = []
    try:
        with transaction.atomic():
            for each in look.do():
                troubles.append(each)
    except NotLookedAt as exc:
        troubles.append(warning(f"{look.check} was not looked at: {exc.why}", exc.advice))
    except (DatabaseError, WorkflowError, KeyError) as exc:
        told = f"{look.check} was not looked at: {type(exc).__name__}: {_first_line(exc)}"
        troubles.append(warning(told, MAY_NOT))
    if not troubles:
        return [Finding(area=area, check=look.check, severity=Severity.OK, sentence=look.fine)]
    return [
        Finding(
            area=area,
            check=look.check,
            severity=each.severity,
            sentence=each.sentence,
            advice=each.advice,
        )
        for each in troubles
    ]


def _first_line(exc: Exception) -> str:
    return next(iter(str(exc).splitlines()), "")
