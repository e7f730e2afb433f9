"""What PostgreSQL gives back is, to the letter, what the first run got."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from workflows.core.codec import Codec, loads
from workflows.core.errors import ValueNotStorable
from workflows.store.database import query_one
from workflows.store.statement import Statement

pytestmark = pytest.mark.django_db

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
in_one_transaction = settings(
    max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def from_database(text: str) -> Any:
    row = query_one(Statement("SELECT %s::jsonb::text"), [text])
    assert row is not None
    return loads(row[0])


@in_one_transaction
@given(JSON)
def test_any_value_that_is_accepted_comes_back_to_the_letter(value: Any) -> None:
    try:
        text = Codec().encode(value, max_bytes=1_000_000)
    except ValueNotStorable:
        return

    assert repr(from_database(text)) == repr(loads(text))


@in_one_transaction
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False)))
def test_floats_come_back_as_those_floats(values: list[float]) -> None:
    text = Codec().encode(values, max_bytes=1_000_000)

    back = from_database(text)

    assert back == values
    assert all(isinstance(value, float) for value in back)


def test_numbers_at_the_edge_come_back() -> None:
    edges = [1.7976931348623157e308, 5e-324, 2**63, -(2**64), 10**300, 0.1, -0.0]

    text = Codec().encode(edges, max_bytes=1_000_000)

    assert repr(from_database(text)) == repr(loads(text))
