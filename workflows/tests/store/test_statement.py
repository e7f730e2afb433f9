"""A statement reads the clock of the engine, wherever that stands."""

from datetime import timedelta

import pytest

from workflows.store.database import query_one
from workflows.store.statement import NOW, STATEMENT_TIME, Statement


def test_a_statement_that_tells_no_time_stays_as_it_is() -> None:
    plain = Statement("SELECT 1")

    assert not plain.tells_time
    assert plain.text == plain.ahead_by(timedelta(days=1)) == "SELECT 1"


@pytest.mark.django_db
@pytest.mark.parametrize("moment", [NOW, STATEMENT_TIME])
def test_a_statement_tells_the_time_of_a_clock_that_is_ahead(moment: str) -> None:
    clock = Statement(f"SELECT {moment} - statement_timestamp()")

    for ahead in (timedelta(days=1), timedelta(seconds=1.5), timedelta()):
        found = query_one(Statement(clock.ahead_by(ahead)))
        assert found is not None
        assert timedelta() <= found[0] - ahead < timedelta(seconds=1)
