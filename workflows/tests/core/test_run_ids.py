"""Ids in the order of time."""

import uuid

from hypothesis import given, strategies as st

from workflows.core.run_ids import id_of_successor, in_time_order

OLD = uuid.UUID("5e6b4132-9d09-40ac-8ee3-20a6f0e12904")
times = st.integers(min_value=0, max_value=2**48 - 1)


@given(times, st.uuids())
def test_an_id_is_of_version_7_and_begins_with_its_time(time: int, chance: uuid.UUID) -> None:
    made = in_time_order(time, chance)

    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == time


@given(times, times, st.uuids(), st.uuids())
def test_a_later_id_is_the_larger(one: int, other: int, a: uuid.UUID, b: uuid.UUID) -> None:
    if one < other:
        assert in_time_order(one, a) < in_time_order(other, b)


def test_the_layout_is_that_of_the_rfc() -> None:
    """Its example: RFC 9562, appendix A.6."""
    chance = uuid.UUID("00000000-0000-4cc3-98c4-dc0c0c07398f")

    assert in_time_order(0x017F22E279B0, chance) == uuid.UUID(
        "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"
    )


def test_the_successor_of_an_old_id_is_what_older_releases_call_it() -> None:
    assert id_of_successor(OLD) == uuid.uuid5(OLD, "continue_as_new")


@given(times, st.uuids())
def test_a_chain_stays_together_and_no_two_of_it_are_the_same(time: int, chance: uuid.UUID) -> None:
    chain = [in_time_order(time, chance)]
    for _ in range(5):
        chain.append(id_of_successor(chain[-1]))

    assert len(set(chain)) == 6
    assert {each.int >> 80 for each in chain} == {time}
    assert chain[1] == id_of_successor(chain[0])
