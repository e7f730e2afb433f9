"""The engine's sessions as the server sees them: their name, and how soon it notices that their host
is gone.

A session is introduced only where it is the process's own. Behind a pooler that hands its connections
around, nothing is set that would stay behind on them, and so nothing is ended by its name.
"""

from workflows.store.database import Connection, query
from workflows.store.statement import Statement

NOTICE_THE_LOSS = {
    "tcp_keepalives_idle": 10,
    "tcp_keepalives_interval": 3,
    "tcp_keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""Seconds, and milliseconds for the last: a host that lost its power would otherwise keep the locks
of its transactions for two hours. A shorter time that is set already stays."""


def _at_most(setting: str, value: int) -> str:
    now = f"current_setting('{setting}')"
    return (
        f"set_config('{setting}', CASE WHEN {now}::integer BETWEEN 1 AND {value} THEN {now} "
        f"ELSE '{value}' END, false)"
    )


# Of a pooler, psycopg knows another pid than the server's own.
_INTRODUCE = Statement(
    f"""
    SELECT set_config('application_name', %(name)s, false),
           {", ".join(_at_most(*each) for each in NOTICE_THE_LOSS.items())}
    WHERE pg_backend_pid() = %(pid)s
    """
)


def introduce(own: Connection, name: str) -> None:
    """Name this session, and let the server notice soon when its host is gone. One round trip."""
    query(_INTRODUCE, {"name": name, "pid": own.info.backend_pid}, on=own)
