"""A statement reads the clock of the engine, wherever that stands."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.db.models import Q

from workflows.core.states import DUE_STATES
from workflows.models import Run
from workflows.store import statement
from workflows.store.database import query_one
from workflows.store.statement import NOW, STATEMENT_TIME, Statement, one_of


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


def test_states_are_literals_in_the_order_of_the_partial_indexes() -> None:
    conditions = {index.name: index.condition for index in Run._meta.indexes}

    assert conditions["run_due_idx"] == Q(state__in=sorted(DUE_STATES))
    assert one_of(DUE_STATES) == "('compensating', 'pending', 'waiting')"


def test_no_statement_types_states_again() -> None:
    retyped = [
        f"{path.name}: {line.strip()}"
        for path in Path(statement.__file__).parent.glob("*.py")
        for line in path.read_text().splitlines()
        if re.search(r"\bIN \(\s*'", line)
    ]

    assert retyped == []
