"""A run's last heartbeat: what SQL makes of it is what is read."""

from datetime import UTC, datetime

import pytest

from workflows.core.beat import Beat, read_beat, sql_beat


def test_a_heartbeat_is_read_with_its_time() -> None:
    text = '{"at": "2026-01-01T13:00:00+01:00", "details": {"row": 5}, "position": 2}'

    assert read_beat(text) == Beat(2, {"row": 5}, datetime(2026, 1, 1, 12, tzinfo=UTC))


def test_how_far_the_steps_had_come_is_read_where_it_was_told() -> None:
    text = (
        '{"at": "2026-01-01T12:00:00+00:00", "details": 5, "position": 2, '
        '"reached": {"2": {"": 200}}, "grew": 3}'
    )

    beat = read_beat(text)

    assert beat is not None
    assert (beat.reached, beat.grew) == ({2: {"": 200}}, 3)


@pytest.mark.parametrize("text", [None, ""])
def test_a_run_may_have_none(text: str | None) -> None:
    assert read_beat(text) is None


def test_sql_makes_its_fields_and_no_others() -> None:
    made = sql_beat(position="%(position)s::integer", at="now()")

    assert made == "jsonb_build_object('position', %(position)s::integer, 'at', now())"
    with pytest.raises(ValueError, match="heartbeat has no field when"):
        sql_beat(when="now()")
