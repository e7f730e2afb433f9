"""What counting reads: by index, and from where on."""

from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from workflows.store import counting
from workflows.store.statement import Statement
from workflows.tests.builders import connected, driven
from workflows.tests.flows import greet_once

pytestmark = pytest.mark.usefixtures("committed")


@pytest.mark.parametrize(
    "statement, index, params",
    [
        (counting._LAST, "workflows_history_pkey", {"after": 1, "until": 9, "limit": 5}),
        (counting._LINES, "workflows_history_pkey", {"after": 1, "until": 9}),
        (
            counting._CREATED_LAST,
            "run_newest_idx",
            {"after": timezone.now(), "until": timezone.now(), "limit": 5},
        ),
        (counting._CREATED, "run_newest_idx", {"after": timezone.now(), "until": timezone.now()}),
    ],
)
def test_what_is_new_is_found_by_index(
    statement: Statement, index: str, params: dict[str, Any]
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        try:
            cursor.execute(f"EXPLAIN {statement.text}", params)
            plan = "\n".join(line for [line] in cursor.fetchall())
        finally:
            cursor.execute("RESET enable_seqscan")

    assert index in plan


def test_it_is_told_how_far_behind_they_are() -> None:
    assert counting.seconds_behind() is None

    with connected() as own:
        counting.begin_with_now(own)

    behind = counting.seconds_behind()
    assert behind is not None
    assert counting.GRACE_SECONDS <= behind < 60


def test_of_what_is_not_there_nothing_is_told() -> None:
    driven(greet_once, name="Ann")
    with connected() as own:
        assert counting.count_lines(own, after=10**9, until=10**9 + 1) == ([], 10**9 + 1)
