"""The seats of a maker on a board: as many as the board gives to one, each taken once at a time."""

from collections.abc import Collection


def lowest_free(taken: Collection[int | None], most: int) -> int | None:
    """Return the seat that the next submission takes; None where the maker has all of them.

    `taken` has an entry for each submission that the maker holds. None stands for one from before
    there were seats: it takes the place of the highest.
    """
    if len(taken) >= most:
        return None
    unnumbered = sum(seat is None for seat in taken)
    return next(seat for seat in range(1, most - unnumbered + 1) if seat not in taken)
