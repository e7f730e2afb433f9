"""A second alias, of the same database."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DEFAULT_DB_ALIAS, connections

ALIAS = "another"


@contextmanager
def other_alias() -> Iterator[None]:
    """Let the alias be there inside the block."""
    connections.settings[ALIAS] = connections.settings[DEFAULT_DB_ALIAS] | {"CONN_MAX_AGE": 0}
    try:
        yield
    finally:
        if hasattr(connections._connections, ALIAS):  # type: ignore[attr-defined]
            connections[ALIAS].close()
            del connections[ALIAS]
        del connections.settings[ALIAS]
