"""What tells one state of a board from another: cheap to ask for, whoever watches.

The version is made of the rows that the board shows, in the statement that asks for it. So it is
right without a trigger, changes when a countdown ends by time alone, and no two reservations wait
for each other at a counter: they share a lock on the board's row, and a counter in it would let
each wait for the other.
"""

from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from django.contrib.auth.models import User
from django.contrib.postgres.aggregates import BitXor
from django.contrib.sessions.models import Session
from django.db import connection
from django.db.models import OuterRef, Subquery
from django.db.models.functions import Coalesce, Now

from submissions.errors import BoardUnknown
from submissions.models import Board, Submission
from submissions.prepared import prepared_cursor

ANY_SLUG, ANY_SESSION, ANY_USER = "a slug", "a session", -1
"""Where the statement has its parameters."""
NOBODY = 0


class Look(NamedTuple):
    """What a poll asks for, all at one moment."""

    version: str
    session_data: str | None
    """Of the poller's session, None where it has none or its time is over."""
    password: str | None
    """The digest of the password of the user asked about, None where they may not sign in."""


def board_version(slug: str) -> str:
    """Return the version of the board as it is now, in one query. Raises BoardUnknown."""
    return look(slug).version


def look(slug: str, session: str = "", user: int = NOBODY) -> Look:
    """Return the board's version, and what shows who asks, in one query. Raises BoardUnknown."""
    given: dict[object, str | int] = {ANY_SLUG: slug, ANY_SESSION: session, ANY_USER: user}
    sql, order = look_statement()
    with prepared_cursor() as cursor:
        cursor.execute(sql, [given[each] for each in order])
        row = cursor.fetchone()
    if row is None:
        raise BoardUnknown
    slots, is_open, rows, session_data, password = row
    return Look(join_version(slots, is_open, rows), session_data, password)


@cache
def look_statement() -> tuple[str, list[object]]:
    """Return the statement and its parameters: Django takes longer to write it than to send it.

    What is the same in all polls stands in its text, so that a plan for any parameters knows it.
    """
    held = Submission.objects.holding().filter(board=OuterRef("pk")).order_by()
    by_board = held.with_row_version().values("board")
    rows = Subquery(by_board.annotate(rows=BitXor("row_version")).values("rows"))
    sessions = Session.objects.filter(session_key=ANY_SESSION, expire_date__gt=Now())
    users = User.objects.filter(pk=ANY_USER, is_active=True)
    found = Board.objects.with_is_open().filter(slug=ANY_SLUG)
    found = found.annotate(
        rows=Coalesce(rows, 0),
        session_data=Subquery(sessions.values("session_data")),
        password=Subquery(users.values("password")),
    )
    columns = ("slots", "is_open", "rows", "session_data", "password")
    text, parameters = found.values_list(*columns).query.sql_with_params()
    ours = (ANY_SLUG, ANY_SESSION, ANY_USER)
    written = ["%s" if each in ours else literal(each) for each in parameters]
    return text % tuple(written), [each for each in parameters if each in ours]


def literal(value: object) -> str:
    """Return the value as it stands in a statement that has other parameters."""
    return str(connection.ops.compose_sql("%s", [value])).replace("%", "%%")  # type: ignore[attr-defined]


def version_of(board: Board, row_versions: Iterable[int]) -> str:
    """Return the version of a board whose rows have been read with_row_version()."""
    rows = 0
    for each in row_versions:
        rows ^= each
    return join_version(board.slots, board.is_open, rows)


def join_version(slots: int, is_open: bool, rows: int) -> str:
    return f"{slots}.{int(is_open)}.{rows}"
