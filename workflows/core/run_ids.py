"""Ids of new runs: version 7 of RFC 9562, which begins with the time, so that new rows stand together in
every index; and ids that follow from another run's."""

import uuid

_LATER_BITS = 80
"""What follows the time: 74 of them by chance, or by a name; the rest is version and variant."""
_VERSION, _VARIANT = 7 << 76, 2 << 62
_FIXED = 15 << 76 | 3 << 62


def in_time_order(milliseconds: int, later: uuid.UUID) -> uuid.UUID:
    """Return the id of version 7 for a time since 1970, with the later bits of another id."""
    bits = milliseconds % 2**48 << _LATER_BITS | later.int % 2**_LATER_BITS
    return uuid.UUID(int=bits & ~_FIXED | _VERSION | _VARIANT)


def id_of_successor(run_id: uuid.UUID) -> uuid.UUID:
    """Return the id of the run that goes on for this one: the same whoever asks, and beside it in the
    order of time, where that has one. Ids of older releases are derived as these do."""
    named = uuid.uuid5(run_id, "continue_as_new")
    return in_time_order(run_id.int >> _LATER_BITS, named) if run_id.version == 7 else named
