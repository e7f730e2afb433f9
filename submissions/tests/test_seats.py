"""Which of the maker's seats a submission takes."""

import pytest

from submissions.seats import lowest_free


@pytest.mark.parametrize(
    ("taken", "most", "seat"),
    [
        ([], 3, 1),
        ([1], 3, 2),
        ([2, 3], 3, 1),
        ([1, 2, 3], 3, None),
        ([1], 1, None),
        # From before there were seats.
        ([None], 3, 1),
        ([None, 1], 3, 2),
        ([None, 1, 2], 3, None),
        ([None] * 24, 3, None),
        # The board gave more once.
        ([7], 3, 1),
        ([1, 7, None], 3, None),
        ([None, 7], 3, 1),
    ],
)
def test_the_lowest_free_seat_is_taken(
    taken: list[int | None], most: int, seat: int | None
) -> None:
    assert lowest_free(taken, most) == seat
