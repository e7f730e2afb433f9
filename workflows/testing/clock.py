"""The engine's clock in tests: it goes with the real one, ahead by what the test let pass.

Time is the database's, written into the engine's statements as clock_timestamp(). Once a test has
let time pass, those statements say that time plus so many seconds instead, and the lines and runs
they insert are dated by it. So what is recorded once stays as it is, and a replay sees it again.
"""

import functools
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from workflows.models import Run
from workflows.store import database

Query = Callable[..., list[tuple[Any, ...]]]

_TELLS_TIME = re.compile(r"(?:clock|statement)_timestamp\(\)")
# Their time columns have defaults, which know nothing of the test: they are given here.
_INSERTS = {
    re.compile(r"(INSERT INTO workflows_history\s*\()(.*?)(VALUES\s*\(|SELECT\s)", re.S): "at",
    re.compile(r"(INSERT INTO workflows_run\s*\()(.*?)(VALUES\s*\(|SELECT\s)", re.S): "created_at",
}
_ALIVE = "SELECT EXISTS (SELECT FROM workflows_run WHERE id = %s)"


class Clock:
    """How far ahead the runs of this test are."""

    def __init__(self) -> None:
        self._ahead = timedelta()
        self._witness: UUID | None = None
        """A run that was there when time passed. Without it, that was in another test."""

    def forget(self) -> None:
        """Go with the real clock again."""
        self._ahead, self._witness = timedelta(), None

    def now(self) -> datetime:
        """Return the time as the runs have it."""
        moment: datetime = database.query("SELECT clock_timestamp()")[0][0]
        return moment

    def move(self, pause: timedelta) -> None:
        """Let so much time pass. Nobody notices where there is no run."""
        install()
        witness = Run.objects.order_by("-created_at").values_list("pk", flat=True).first()
        if witness is not None:
            self._ahead, self._witness = self._ahead + pause, witness

    def told(self, sql: str, real: Query) -> str:
        """Return the statement as it must be sent now."""
        if not self._ahead or (not _TELLS_TIME.search(sql) and "INSERT INTO" not in sql):
            return sql
        if not real(_ALIVE, [self._witness])[0][0]:
            self.forget()
            return sql
        return _in_time(sql, self._ahead)


def _in_time(sql: str, ahead: timedelta) -> str:
    later = f"interval '{ahead // timedelta(microseconds=1)} microseconds'"
    for insert, column in _INSERTS.items():
        sql = insert.sub(rf"\1{column}, \2\3clock_timestamp(), ", sql)
    return _TELLS_TIME.sub(lambda told: f"({told[0]} + {later})", sql)


clock = Clock()


@functools.cache
def install() -> None:
    """Let the engine's statements ask the test's clock, from now on."""
    real = database.query

    def query(sql: str, params: Any = ()) -> list[tuple[Any, ...]]:
        return real(clock.told(sql, real), params)

    setattr(database, "query", query)  # noqa: B010 - told so to the type checker
