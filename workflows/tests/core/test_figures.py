"""Figures: each in its minute and for ever, added up."""

from datetime import UTC, datetime

from workflows.core.figures import (
    EPOCH,
    Counted,
    Figure,
    Grain,
    Place,
    Subject,
    count_in_all,
    in_order,
    merged,
    span_of,
)

NOON = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
STEP = Subject(Counted.STEP, "tests.greet", 1, "say")


def test_a_figure_counts_in_each_grain_and_for_ever() -> None:
    figures = count_in_all(
        [(NOON, STEP, Figure(1, 2.0, [0, 1])), (NOON, STEP, Figure(2, 3.0, [2]))]
    )

    both, noon = Figure(3, 5.0, [2, 1]), NOON.replace(second=0)
    assert figures == {
        Place(Grain.MINUTE, noon, STEP): both,
        Place(Grain.QUARTER, noon, STEP): both,
        Place(Grain.HOUR, noon, STEP): both,
        Place(Grain.SIX_HOURS, noon, STEP): both,
        Place(Grain.EVER, EPOCH, STEP): both,
    }


def test_the_span_of_a_moment() -> None:
    assert span_of(Grain.HOUR, NOON.replace(minute=59)) == NOON.replace(second=0)
    assert span_of(Grain.EVER, NOON) == EPOCH


def test_all_writers_go_in_one_order() -> None:
    other = STEP._replace(name="other")
    told = [(NOON, STEP, Figure(1)), (NOON, other, Figure(1))]

    orders = [[place for place, _ in in_order(count_in_all(each))] for each in (told, told[::-1])]

    assert orders[0] == orders[1]
    assert [place.grain for place in orders[0]] == sorted([*Grain, *Grain])


def test_one_that_took_some_time() -> None:
    figure = Figure()
    figure.took(0.001)
    figure.took(0.0)

    assert figure == Figure(2, 0.001, [1, 1])
    assert merged([figure, figure]).count == 4
