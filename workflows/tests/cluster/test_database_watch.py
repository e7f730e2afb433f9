"""A database that gives neither an answer nor an error is told, and so is its return."""

import time
from typing import Any

from workflows.cluster.database_watch import (
    TELL_AFTER_SECONDS,
    TELL_AGAIN_SECONDS,
    DatabaseWatch,
)
from workflows.tests.listening import announced


def looked(watch: DatabaseWatch, *seconds: float) -> list[dict[str, Any]]:
    """Return what is told at looks so many seconds from now."""
    now = time.monotonic()
    with announced("database_hangs") as told:
        for later in seconds:
            watch.look(now + later)
    return [facts for _, facts in told]


def test_a_wait_that_takes_long_is_told_with_what_waits_and_again_now_and_then() -> None:
    watch = DatabaseWatch()

    with watch.waiting("the chore 'sweep'"):
        told = looked(watch, 1, 4, TELL_AFTER_SECONDS + 1, 20, TELL_AGAIN_SECONDS + 7)

    assert [each["waits_for"] for each in told] == ["the chore 'sweep'"] * 2
    assert [round(each["seconds"]) for each in told] == [6, 37]
    assert watch.answered()
    assert not watch.answered()


def test_nothing_is_told_of_many_short_waits() -> None:
    watch = DatabaseWatch()
    for _ in range(3):
        with watch.waiting("a look at the queue"):
            pass

    assert looked(watch, 100) == []
    assert not watch.answered()
