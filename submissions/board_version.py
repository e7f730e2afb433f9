"""What tells one state of a board from another: cheap to ask for, whoever watches.

The version is made of the rows that the board shows, in the statement that asks for it. So it is
right without a trigger, changes when a countdown ends by time alone, and no two reservations wait
for each other at a counter: they share a lock on the board's row, and a counter in it would let
each wait for the other.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any

from django.contrib.postgres.aggregates import BitXor
from django.db import connection
from django.db.models import OuterRef, Subquery
from django.db.models.functions import Coalesce

from submissions.errors import BoardUnknown
from submissions.models import Board, Submission

ANY_SLUG = "a slug"


def board_version(slug: str) -> str:
    """Return the version of the board as it is now, in one query. Raises BoardUnknown."""
    sql, parameters = version_statement()
    with connection.cursor() as cursor:
        cursor.execute(sql, [slug if each == ANY_SLUG else each for each in parameters])
        row = cursor.fetchone()
    if row is None:
        raise BoardUnknown
    slots, is_open, rows = row
    return join_version(slots, is_open, rows)


@cache
def version_statement() -> tuple[str, list[Any]]:
    """Return the statement and its parameters: Django takes longer to write it than to send it."""
    held = Submission.objects.holding().filter(board=OuterRef("pk")).order_by()
    by_board = held.with_row_version().values("board")
    rows = Subquery(by_board.annotate(rows=BitXor("row_version")).values("rows"))
    found = Board.objects.with_is_open().filter(slug=ANY_SLUG).annotate(rows=Coalesce(rows, 0))
    sql, parameters = found.values_list("slots", "is_open", "rows").query.sql_with_params()
    return sql, list(parameters)


def version_of(board: Board, row_versions: Iterable[int]) -> str:
    """Return the version of a board whose rows have been read with_row_version()."""
    rows = 0
    for each in row_versions:
        rows ^= each
    return join_version(board.slots, board.is_open, rows)


def join_version(slots: int, is_open: bool, rows: int) -> str:
    return f"{slots}.{int(is_open)}.{rows}"
