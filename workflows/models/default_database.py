"""The engine's rows are in the default database, whatever a router says of reads."""

from typing import TypeVar

from django.db import DEFAULT_DB_ALIAS, models

M = TypeVar("M", bound=models.Model)


class InDefaultDatabase(models.Manager[M]):
    """Reads where the engine writes: a replica would not know yet what was just started."""

    def get_queryset(self) -> models.QuerySet[M]:
        """Return all rows."""
        return super().get_queryset().using(DEFAULT_DB_ALIAS)
