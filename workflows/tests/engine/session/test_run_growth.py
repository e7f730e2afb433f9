"""How far steps beside each other have come is told apart, and outlives the drive."""

from workflows.engine.session.run_growth import MOST_STEPS, RunGrowth

NOW = 1_790_000_000.0


def test_steps_beside_each_other_are_told_apart() -> None:
    growth = RunGrowth({}, None)

    growth.take(1, 200, attempt=1, now=NOW)
    growth.take(2, 0, attempt=1, now=NOW)
    reached, last = growth.take(1, 100, attempt=2, now=NOW)

    assert reached == {1: {"": 200}, 2: {"": 0}}
    assert last is None


def test_what_an_earlier_drive_reached_must_be_passed() -> None:
    growth = RunGrowth({1: {"": 200}}, 3)

    assert growth.take(1, 150, attempt=4, now=NOW)[1] == 3
    assert growth.take(1, 201, attempt=4, now=NOW)[1] == 4


def test_only_so_many_steps_are_remembered() -> None:
    growth = RunGrowth({}, None)

    for position in range(100):
        reached, _ = growth.take(position, 1, attempt=1, now=NOW)

    assert len(reached) == MOST_STEPS
